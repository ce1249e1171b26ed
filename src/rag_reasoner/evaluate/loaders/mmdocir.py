"""MMDocIR's official files: `MMDocIR_annotations.jsonl`, `MMDocIR_pages.parquet`, `MMDocIR_layouts.parquet`.

There a document's pages are the rows from the first to the second number of `page_indices`, the second included, and
`page_id` counts from 0 within the document. Here pages are `DOC#p1` ff., and layouts `DOC#l0` ff. Only one document's
pages or layouts are in memory at a time.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from rag_reasoner.errors import InvalidInput
from rag_reasoner.evaluate.loaders.files import field, json_lines, wanted
from rag_reasoner.evaluate.loaders.parquet import Parquet
from rag_reasoner.evaluate.row import Row, Want
from rag_reasoner.types import Document, Image

ANNOTATIONS, PAGES, LAYOUTS = "MMDocIR_annotations.jsonl", "MMDocIR_pages.parquet", "MMDocIR_layouts.parquet"

Region = tuple[int, float, float, float, float]
"""A page, counted from 0, and left, top, right and bottom in points."""

LEAST_SHARE = 0.5
"""A layout is relevant from this share of its own area on that lies in a gold region."""


def load_pages(folder: Path, split: str, want: Want) -> Iterator[Row]:
    """All questions; the candidates are the pages of the question's document. There is one split."""
    pages = Parquet(
        wanted(folder, PAGES, "the pages' pictures and texts"), ("doc_name",), ("image_binary", "ocr_text", "vlm_text")
    )
    for found, questions, where in _asked(folder, want):
        rows = _rows_of_one(pages, field(found, "page_indices", where), where)
        documents = tuple(_page(found["doc_name"], number, row) for number, row in enumerate(rows, 1))
        yield from (_page_row(found, one, question, documents, where) for one, question in questions)


def load_layouts(folder: Path, split: str, want: Want) -> Iterator[Row]:
    """All questions; the candidates are the layouts of the question's document: its paragraphs, tables, figures."""
    layouts = Parquet(
        wanted(folder, LAYOUTS, "the layouts' pictures, texts and boxes"),
        ("doc_name", "page_id", "bbox"),
        ("page_size", "image_binary", "text", "ocr_text", "vlm_text"),
    )
    for found, questions, where in _asked(folder, want):
        span = found.get("layout_indices") or field(found, "layout_indinces", where)  # the README's spelling
        rows = _rows_of_one(layouts, span, where)
        documents = tuple(_layout(found["doc_name"], number, row) for number, row in enumerate(rows))
        for one, question in questions:
            yield _layout_row(found, one, question, documents, where)


def _asked(folder: Path, want: Want) -> Iterator[tuple[Any, list[tuple[str, Any]], str]]:
    """The documents that something wanted is asked about, with those questions by id, and where they stand."""
    path = wanted(folder, ANNOTATIONS, "a document with its questions a line")
    for number, found in enumerate(json_lines(path), 1):
        where = f"{path}, line {number}"
        name = field(found, "doc_name", where)
        questions = [(f"{name}/{place}", one) for place, one in enumerate(field(found, "questions", where))]
        if drawn := [(one, question) for one, question in questions if want(one)]:
            yield found, drawn, where


def _rows_of_one(file: Parquet, span: Any, where: str) -> list[dict[str, Any]]:
    """The rows of `span`. Raises InvalidInput where they are not all of one document."""
    match span:
        case [int() as start, int() as end]:
            rows = list(file.rows(start, end, where))
        case _:
            raise InvalidInput(f"{where}: {span!r} is not the first and the last row of a document")
    if len(names := {row["doc_name"] for row in rows}) > 1:
        raise InvalidInput(f"{where}: rows {start} to {end} belong to {len(names)} documents; both ends are included")
    return rows


def _page(name: str, number: int, row: dict[str, Any]) -> Document:
    text = row.get("ocr_text") or row.get("vlm_text") or ""
    return Document(f"{name}#p{number}", str(text), _picture(row), name, number)


def _layout(name: str, number: int, row: dict[str, Any]) -> Document:
    text = row.get("text") or row.get("ocr_text") or row.get("vlm_text") or ""
    box = {"bbox": list(row["bbox"]), "page_size": list(row.get("page_size") or ())}
    return Document(f"{name}#l{number}", str(text), _picture(row), name, int(row["page_id"]) + 1, metadata=box)


def _picture(row: dict[str, Any]) -> Image | None:
    data = row.get("image_binary")
    return Image(data=data) if data else None


def _page_row(found: Any, row_id: str, question: Any, documents: Sequence[Document], where: str) -> Row:
    gold = [int(page) for page in field(question, "page_id", where)]
    if outside := [page for page in gold if not 0 <= page < len(documents)]:
        raise InvalidInput(f"{where}: page_id {outside[0]} of {row_id}, but the document has {len(documents)} pages")
    return _row(found, row_id, question, documents, {documents[page].id: 1.0 for page in gold}, {}, where)


def _layout_row(found: Any, row_id: str, question: Any, documents: Sequence[Document], where: str) -> Row:
    golds = field(question, "layout_mapping", where)
    sizes = {int(one["page"]): one.get("page_size") for one in golds}
    regions = {one.id: _region(one, sizes.get((one.page or 1) - 1)) for one in documents}
    gold = [(int(one["page"]), *map(float, one["bbox"])) for one in golds]
    shares = {one: _share(region, gold) for one, region in regions.items()}
    relevant = {one: 1.0 for one, share in shares.items() if share >= LEAST_SHARE}
    # What touches no gold region adds nothing to any figure.
    touching = {one: list(regions[one]) for one, share in shares.items() if share > 0}
    return _row(found, row_id, question, documents, relevant, {"regions": touching, "layouts": gold}, where)


def _row(
    found: Any,
    row_id: str,
    question: Any,
    documents: Sequence[Document],
    relevant: dict[str, float],
    gold: dict[str, Any],
    where: str,
) -> Row:
    return Row(
        id=row_id,
        question=str(field(question, "Q", where)),
        candidates=tuple(documents),
        relevant=relevant,
        answers=(str(question["A"]),) if question.get("A") is not None else (),
        group=str(field(found, "domain", where)),
        gold={"type": question.get("type", ""), **gold},
    )


def _region(document: Document, size: Sequence[float] | None) -> Region:
    """Where a layout stands, in the points of the gold's page, should the two files measure it differently."""
    own = document.metadata["page_size"]
    across, down = (size[0] / own[0], size[1] / own[1]) if size and own else (1.0, 1.0)
    left, top, right, bottom = map(float, document.metadata["bbox"])
    return (document.page or 1) - 1, left * across, top * down, right * across, bottom * down


def _share(region: Region, gold: Sequence[Any]) -> float:
    """The largest share of the region's area that lies in one gold region."""
    area = (region[3] - region[1]) * (region[4] - region[2])
    return max((_shared(region, one) / area for one in gold), default=0.0) if area > 0 else 0.0


def _shared(one: Region, other: Region) -> float:
    across = min(one[3], other[3]) - max(one[1], other[1])
    down = min(one[4], other[4]) - max(one[2], other[2])
    return max(across, 0.0) * max(down, 0.0) if one[0] == other[0] else 0.0
