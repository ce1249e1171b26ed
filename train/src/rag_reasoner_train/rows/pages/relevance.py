"""Which pages answer a question that was made from one of them, and which had better be left out."""

from collections.abc import Sequence
from dataclasses import dataclass

from rag_reasoner.quotes import find_quote
from rag_reasoner.types import Document
from rag_reasoner.words import overlap
from rag_reasoner_train.rows.pages.asked import Asked

_BEFORE, _AFTER = 500, 250
"""So many characters around an answer are looked at for what it is the answer to."""

_SURE, _UNSURE = 0.9, 0.4


@dataclass(frozen=True, slots=True)
class Sorted:
    """The ids of the pages that answer, and of those of which that cannot be told."""

    relevant: tuple[str, ...]
    unsure: frozenset[str]


def sorted_pages(asked: Asked, origin: Document, pages: Sequence[Document]) -> Sorted:
    """The page that the question is from answers it; another does where its words stand around the same answer."""
    likely = {page.id: _likely(asked, page.text) for page in pages}
    relevant = tuple(one for one, share in likely.items() if share >= _SURE or one == origin.id)
    return Sorted(relevant, frozenset(one for one, share in likely.items() if share >= _UNSURE).difference(relevant))


def _likely(asked: Asked, text: str) -> float:
    """How much of what is asked for stands around an answer; half of it where it stands elsewhere. 0: no answer."""
    best, start = 0.0, 0
    while found := find_quote(asked.answer, text[start:]):
        place = start + found.start
        best = max(best, overlap(asked.about, text[max(place - _BEFORE, 0) : place + _AFTER]))
        start += found.end
    return max(best, overlap(asked.about, text) / 2) if start else 0.0
