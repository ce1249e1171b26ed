"""SQuAD's official files, `SPLIT-v1.1.json` or `SPLIT-v2.0.json`: the candidates are the paragraphs of one article."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rag_reasoner.errors import InvalidInput
from rag_reasoner.evaluate.loaders.files import field, whole_json
from rag_reasoner.evaluate.row import Row, Want
from rag_reasoner.types import Document

_VERSIONS = ("v1.1", "v2.0")


def load(folder: Path, split: str, want: Want) -> Iterator[Row]:
    """The questions of a split. One without an answer has no relevant paragraph."""
    path = _path(folder, split)
    for article in field(whole_json(path), "data", str(path)):
        title = str(field(article, "title", str(path)))
        paragraphs = field(article, "paragraphs", f"{path}, {title}")
        documents = tuple(
            Document(
                f"{title}#{place}", str(field(paragraph, "context", f"{path}, {title}")), title=title.replace("_", " ")
            )
            for place, paragraph in enumerate(paragraphs)
        )
        for place, paragraph in enumerate(paragraphs):
            for one in field(paragraph, "qas", f"{path}, {title}"):
                if want(str(field(one, "id", f"{path}, {title}"))):
                    yield _row(one, documents, place, f"{path}, {title}")


def _path(folder: Path, split: str) -> Path:
    paths = [folder / f"{split}-{version}.json" for version in _VERSIONS]
    for path in paths:
        if path.exists():
            return path
    raise InvalidInput(f"neither {paths[0]} nor {paths[1].name} is there: put SQuAD's official file into {folder}")


def _row(found: Any, documents: tuple[Document, ...], place: int, where: str) -> Row:
    answers = tuple(dict.fromkeys(str(answer["text"]) for answer in found.get("answers", ())))
    return Row(
        id=str(found["id"]),
        question=str(field(found, "question", where)),
        candidates=documents,
        relevant={documents[place].id: 1.0} if answers else {},
        answers=answers,
        group="answerable" if answers else "unanswerable",
    )
