"""Which pages answer a question that was made from one of them, and which had better be left out."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from rag_reasoner.quotes import find_quote
from rag_reasoner.types import Document
from rag_reasoner.words import overlap
from rag_reasoner_train.rows.pages.asked import Asked

_BEFORE, _AFTER = 500, 250
"""So many characters around an answer are looked at for what it is the answer to."""

_SURE = 0.9


@dataclass(frozen=True, slots=True)
class Sorted:
    """The ids of the pages that answer, and of those of which that cannot be told."""

    relevant: tuple[str, ...]
    unsure: frozenset[str]


def sorted_pages(asked: Asked, origins: Collection[str], pages: Sequence[Document]) -> Sorted:
    """The pages that the question is from answer it; others do where its words stand around the same answer.

    Any other page that has the answer somewhere may be right by chance or not: nobody can tell.
    """
    likely = {page.id: _likely(asked, page.text) for page in pages}
    relevant = tuple(one for one, share in likely.items() if one in origins or (share or 0.0) >= _SURE)
    return Sorted(relevant, frozenset(one for one, share in likely.items() if share is not None).difference(relevant))


def _likely(asked: Asked, text: str) -> float | None:
    """How much of what is asked for stands around an answer; None where no answer stands in the text."""
    best, start = None, 0
    while found := find_quote(asked.answer, text[start:]):
        place = start + found.start
        share = overlap(asked.about, text[max(place - _BEFORE, 0) : place + _AFTER])
        best = max(best or 0.0, share)
        start += found.end
    return best
