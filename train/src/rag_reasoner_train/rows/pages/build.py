"""Rows of pages: each question with the pages that answer it and those that a retriever takes for it."""

import hashlib
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from rag_reasoner.errors import InvalidInput, Unreadable
from rag_reasoner.evaluate.sample import rank_of
from rag_reasoner.pages import Reading, read
from rag_reasoner.retrieve.base import Retriever
from rag_reasoner.retrieve.lexical import LexicalRetriever
from rag_reasoner.types import Document
from rag_reasoner_train.errors import BadRow
from rag_reasoner_train.rows.build import Built, write_rows
from rag_reasoner_train.rows.card import Origin
from rag_reasoner_train.rows.order import Order, RetrieverOf, in_order
from rag_reasoner_train.rows.pages.asked import Asked
from rag_reasoner_train.rows.pages.captions import caption_questions
from rag_reasoner_train.rows.pages.relevance import sorted_pages
from rag_reasoner_train.rows.pages.rendered import PIXELS, Render, renderer
from rag_reasoner_train.rows.pages.tables import table_questions
from rag_reasoner_train.rows.row import SET, Row

Questions = Mapping[str, Sequence[Asked]]
"""Questions by the id of the page that they are from."""


@dataclass(frozen=True, slots=True)
class PageRows:
    """How rows are made of pages: candidates a row, questions a page, pixels a picture."""

    candidates: int = 8
    per_page: int = 2
    pixels: int = PIXELS
    order: Order = "retrieval"
    seed: int = 0


def read_pages(folders: Sequence[Path], *, skip_bad: bool = False) -> tuple[tuple[Document, ...], tuple[BadRow, ...]]:
    """All pages that can be drawn, and what could not be read. Raises Unreadable for it unless `skip_bad`."""
    reading: Reading = read(folders)
    bad = tuple(BadRow(_placed(one.source, one.page), "", one.reason) for one in reading.unread)
    if bad and not skip_bad:
        raise Unreadable(bad[0].where, f"{bad[0].reason}; --skip-bad goes on without it")
    pages = tuple(visible(document) for document in reading.documents if document.image)
    if not pages:
        raise InvalidInput(f"{', '.join(map(str, folders))}: there is no page of a PDF and no picture to make rows of")
    return pages, bad


def visible(page: Document) -> Document:
    """The page without the text that a person cannot see on it: a picture does not show it either."""
    text, done = "", 0
    for start, end in sorted(page.metadata.get("hidden_text", ())):
        text, done = text + page.text[done : max(start, done)], max(end, done)
    return replace(page, text=text + page.text[done:], words=())


def _placed(source: str, page: int | None) -> str:
    return source if page is None else f"{source} p. {page}"


def questions_by_rule(pages: Iterable[Document]) -> Questions:
    """What the tables and captions of each page answer."""
    return {page.id: (*table_questions(page.text), *caption_questions(page.text)) for page in pages}


def build_page_rows(
    pages: Sequence[Document],
    questions: Questions,
    origin: Origin,
    out: Path,
    split: str,
    wanted: PageRows,
    rejected: Iterable[BadRow] | None = None,
    retriever_of: RetrieverOf = LexicalRetriever,
) -> Built:
    """Write `SPLIT.jsonl`, the pictures of its pages, and `SPLIT.card.md` into `out`."""
    rows = page_rows(pages, questions, wanted, retriever_of(pages), renderer(out, wanted.pixels))
    return write_rows(rows, origin, out, split, rejected)


def page_rows(
    pages: Sequence[Document], questions: Questions, wanted: PageRows, retriever: Retriever, render: Render
) -> Iterator[Row]:
    """A row for each question, no question twice; of a page's questions `per_page` are drawn by their hashes.

    What two pages answer differently is no question: it does not say which of them is meant.
    """
    origins = _origins(questions)
    seen: set[str] = set()
    for page in pages:
        of_page = sorted(set(questions.get(page.id, ())), key=lambda one: rank_of(one.question, wanted.seed))
        new = [one for one in of_page if one.question not in seen and len(origins[one.question]) == 1]
        for asked in new[: wanted.per_page]:
            seen.add(asked.question)
            row = _row(asked, origins[asked.question][asked.answer], pages, wanted, retriever)
            yield replace(row, candidates=tuple(map(render, row.candidates)))


def _origins(questions: Questions) -> Mapping[str, Mapping[str, set[str]]]:
    """For each question its answers, and the ids of the pages from which it was asked with that answer."""
    found: defaultdict[str, defaultdict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for page, asked in questions.items():
        for one in asked:
            found[one.question][one.answer].add(page)
    return found


def _row(
    asked: Asked, origins: Collection[str], pages: Sequence[Document], wanted: PageRows, retriever: Retriever
) -> Row:
    found = sorted_pages(asked, origins, pages)
    ranked = [one.document for one in retriever.retrieve(asked.question, len(pages))]
    places = {one.id: place for place, one in enumerate(ranked)}
    relevant = [one for one in pages if one.id in found.relevant]
    others = [one for one in ranked if one.id not in found.relevant and one.id not in found.unsure]
    kept = [*relevant, *others[: max(wanted.candidates - len(relevant), 0)]]
    candidates = tuple(map(_named, sorted(kept, key=lambda one: places.get(one.id, len(places)))))
    name = hashlib.sha256(f"{sorted(origins)}\n{asked.question}".encode()).hexdigest()[:16]
    grades = dict.fromkeys(found.relevant, 1.0)
    row = Row(f"page-{name}", asked.question, candidates, grades, (asked.answer,), {SET: "pages"})
    return in_order(row, wanted.order, candidates, wanted.seed)


def _named(page: Document) -> Document:
    """A page as a candidate: its file's name for a source, not where that file lies on this machine."""
    name = Path(page.source).name if page.source else None
    return Document(page.id, page.text, page.image, name, page.page, page.title, metadata={"modality": "page"})
