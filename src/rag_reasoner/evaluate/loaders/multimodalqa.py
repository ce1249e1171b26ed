"""MultimodalQA's official files: `MMQA_SPLIT.jsonl.gz`, `MMQA_tables|texts|images.jsonl.gz`, the pictures' folder."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rag_reasoner.errors import InvalidInput
from rag_reasoner.evaluate.loaders.files import field, json_lines, wanted
from rag_reasoner.evaluate.row import Row, Want
from rag_reasoner.types import Document, Image

PICTURES = "final_dataset_images"


def load(folder: Path, split: str, want: Want) -> Iterator[Row]:
    """The questions of a split, each with its table, texts and pictures as candidates."""
    contexts: dict[str, Document] = {}
    path = wanted(folder, f"MMQA_{split}.jsonl", "a question a line")
    for number, found in enumerate(json_lines(path), 1):
        where = f"{path}, line {number}"
        if want(str(field(found, "qid", where))):
            contexts = contexts or _all_contexts(folder)
            yield _row(found, contexts, where)


def _all_contexts(folder: Path) -> dict[str, Document]:
    return {
        **_contexts(folder, "tables", _table),
        **_contexts(folder, "texts", _text),
        **_contexts(folder, "images", lambda one, where: _picture(one, where, folder / PICTURES)),
    }


def _contexts(folder: Path, kind: str, make: Any) -> dict[str, Document]:
    path = wanted(folder, f"MMQA_{kind}.jsonl", f"the {kind} that questions are about")
    documents = (make(one, f"{path}, line {number}") for number, one in enumerate(json_lines(path), 1))
    return {document.id: document for document in documents}


def _text(found: Any, where: str) -> Document:
    return Document(str(field(found, "id", where)), str(field(found, "text", where)), title=str(found.get("title", "")))


def _table(found: Any, where: str) -> Document:
    table = field(found, "table", where)
    head = " | ".join(str(column.get("column_name", "")) for column in table.get("header", ()))
    rows = [" | ".join(str(cell["text"]) for cell in row) for row in field(table, "table_rows", where)]
    title = " - ".join(filter(None, (found.get("title", ""), table.get("table_name", ""))))
    return Document(str(field(found, "id", where)), "\n".join(f"| {row} |" for row in (head, *rows)), title=title)


def _picture(found: Any, where: str, folder: Path) -> Document:
    image = Image(path=str(folder / str(field(found, "path", where))))
    return Document(str(field(found, "id", where)), image=image, title=str(found.get("title", "")))


def _row(found: Any, contexts: dict[str, Document], where: str) -> Row:
    about = field(found, "metadata", where)
    ids = [*about.get("text_doc_ids", ()), *about.get("image_doc_ids", ()), *filter(None, [about.get("table_id")])]
    if strangers := [one for one in ids if one not in contexts]:
        raise InvalidInput(
            f"{where}: the context {strangers[0]!r} is in none of the MMQA_tables, texts and images files"
        )
    supporting = found.get("supporting_context", ())
    return Row(
        id=str(found["qid"]),
        question=str(field(found, "question", where)),
        candidates=tuple(contexts[one] for one in dict.fromkeys(ids)),
        relevant={str(one["doc_id"]): 1.0 for one in supporting},
        answers=tuple(str(one["answer"]) for one in found.get("answers", ())),
        group=str(about.get("type", "")),
    )
