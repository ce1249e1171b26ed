"""How much of each document is shown: whole, or cut to the words that matter, as inference cuts it."""

import re
from dataclasses import dataclass

from rag_reasoner.quotes import Found
from rag_reasoner.tasks import Shown, show
from rag_reasoner.types import Candidate, Document
from rag_reasoner.words import Span, focus

_HEADING = re.compile(r"\|[^\n]*(?:\n\|[ \t]*\|[^\n]*){0,2}(?=\n)")
_WORD = re.compile(r"\S+")


@dataclass(frozen=True, slots=True)
class View:
    """At most about `words` words of each document (None: all of it), with its image or without."""

    words: int | None = None
    images: bool = False


WHOLE = View()
"""Everything is shown, but no image."""


def seen(query: str, document: Document, view: View, keep: str = "") -> Shown:
    """`document` as the model is shown it. What stands in it as `keep` is never cut away."""
    whole = show(Candidate(document), with_image=view.images)
    spans = _spans(query, document.text, view.words, whole.locate(keep) if keep else None)
    if spans is None:
        return whole
    cut = show(Candidate(document), spans, with_image=view.images)
    # A cut through a mark in brackets shows other characters than the whole document does.
    return cut if not keep or cut.locate(keep) else whole


def _spans(query: str, text: str, words: int | None, keep: Found | None) -> tuple[Span, ...] | None:
    """The spans to show: the head of a table, what is kept, and then what is nearest to the query."""
    count = len(_WORD.findall(text))
    if words is None or count <= words:
        return None
    needed = [*_heading(text), *([(keep.start, keep.end)] if keep else [])]
    room = len(text) * words // count - sum(end - start for start, end in needed)
    return union([*needed, *focus(query, text, max(room, 0))])


def _heading(text: str) -> list[Span]:
    """The first lines of a table, which say what the columns are: one, and those after it whose first cell is empty."""
    found = _HEADING.match(text)
    return [found.span()] if found else []


def union(spans: list[Span]) -> tuple[Span, ...]:
    """The spans, ascending and disjoint, those that touch made one."""
    joined: list[Span] = []
    for start, end in sorted(spans):
        if joined and start <= joined[-1][1] + 1:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return tuple(joined)
