"""Our own JSON lines: `{"id", "question", "answers", "candidates": [{"id", "text", "title"?, "image"?}], ...}`."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rag_reasoner.errors import InvalidInput
from rag_reasoner.evaluate.loaders.files import field, json_lines, wanted
from rag_reasoner.evaluate.row import Row, Want
from rag_reasoner.types import Document, Image

_GOLD = ("bm25_rank", "answer_type", "answer_from", "answer_in", "derivation", "doc")


def load(folder: Path, split: str, want: Want) -> Iterator[Row]:
    """The rows of `folder/SPLIT.jsonl`, packed with xz or gz or not."""
    path = wanted(folder, f"{split}.jsonl", "a question with its candidates a line")
    for number, found in enumerate(json_lines(path), 1):
        where = f"{path}, line {number}"
        if want(str(field(found, "id", where))):
            yield _row(found, where, folder)


def _row(found: dict[str, Any], where: str, folder: Path) -> Row:
    candidates = tuple(_document(one, where, folder) for one in field(found, "candidates", where))
    relevant = dict.fromkeys(map(str, found.get("relevant", ())), 1.0)
    if strangers := relevant.keys() - {document.id for document in candidates}:
        raise InvalidInput(f"{where}: relevant id {min(strangers)!r} is not among the candidates")
    return Row(
        id=str(found["id"]),
        question=str(field(found, "question", where)),
        candidates=candidates,
        relevant=relevant,
        answers=tuple(map(str, found.get("answers", ()))),
        group=str(found.get("answer_type") or found.get("answer_in") or ""),
        gold={name: found[name] for name in _GOLD if name in found} | _same_document(found),
    )


def _same_document(found: dict[str, Any]) -> dict[str, list[str]]:
    """The candidates that are from the question's own document, where the file tells."""
    same = [str(one["id"]) for one in found["candidates"] if one.get("same_doc")]
    return {"same_doc": same} if same else {}


def _document(found: Any, where: str, folder: Path) -> Document:
    image = found.get("image")
    return Document(
        id=str(field(found, "id", where)),
        text=str(found.get("text", "")),
        title=str(found.get("title", "")),
        image=Image(path=str(folder / image)) if image else None,
        metadata={"modality": found.get("modality", "text")},
    )
