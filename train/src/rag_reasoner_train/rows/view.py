"""How much of each document is shown: whole, or cut to the sentences that matter, as inference cuts it.

What is cut must not tell which documents are relevant. So whole sentences stay, of a document that answers as of any
other: half a sentence between two gaps would give it away.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

from rag_reasoner.quotes import Found
from rag_reasoner.stages.fit import Count, fit
from rag_reasoner.tasks import Shown, show
from rag_reasoner.types import Candidate, Document
from rag_reasoner.words import Span, focus, sentences

_HEADING = re.compile(r"\|[^\n]*(?:\n\|[ \t]*\|[^\n]*){0,2}(?=\n)")
_WORD = re.compile(r"\S+")


@dataclass(frozen=True, slots=True)
class Tokens:
    """At most so many tokens of title and text, as a model counts them."""

    most: int
    count: Count


@dataclass(frozen=True, slots=True)
class View:
    """At most about `words` words of each document (None: all of it), with its image or without.

    With `tokens` a document is cut by inference itself, and `words` does not count.
    """

    words: int | None = None
    images: bool = False
    tokens: Tokens | None = None

    @property
    def whole(self) -> bool:
        """Whether nothing is ever cut."""
        return self.words is None and self.tokens is None


WHOLE = View()
"""Everything is shown, but no image."""


def seen(query: str, document: Document, view: View, keep: str = "") -> Shown:
    """`document` as the model is shown it. What stands in it as `keep` is never cut away."""
    plain = _plain(query, document, view)
    if not keep or plain.locate(keep):
        return plain
    whole = show(Candidate(document), with_image=view.images)
    found = whole.locate(keep)
    if found is None:
        return whole
    spans = _around(found, query, document.text, plain.spans, head=view.tokens is None)
    cut = replace(show(Candidate(document), spans, with_image=view.images), title=plain.title)
    # A cut through a mark in brackets shows other characters than the whole document does.
    return cut if cut.locate(keep) else whole


def _plain(query: str, document: Document, view: View) -> Shown:
    """The document cut by nothing but the query."""
    candidate = Candidate(document)
    if view.tokens:
        return fit(query, candidate, view.tokens.most, view.tokens.count, with_image=view.images)
    count = len(_WORD.findall(document.text))
    if view.words is None or count <= view.words:
        return show(candidate, with_image=view.images)
    spans = _with(_heading(document.text), query, document.text, len(document.text) * view.words // count)
    return show(candidate, spans, with_image=view.images)


def _around(found: Found, query: str, text: str, plain: Iterable[Span], *, head: bool) -> tuple[Span, ...]:
    """As much as `plain` shows, with the sentences in which `found` stands; where those are too long, with it alone."""
    most = _size(plain)
    touched = [span for span in sentences(text) if span[0] < found.end and found.start < span[1]]
    kept = (min(found.start, *(start for start, _ in touched)), max(found.end, *(end for _, end in touched)))
    if kept[1] - kept[0] > most:
        kept = (found.start, found.end)
    return _with([*(_heading(text) if head else ()), kept], query, text, most)


def _with(needed: list[Span], query: str, text: str, most: int) -> tuple[Span, ...]:
    """`needed`, and of the rest of `most` characters what is nearest to the query."""
    return union([*needed, *focus(query, text, max(most - _size(needed), 0))])


def _size(spans: Iterable[Span]) -> int:
    return sum(end - start for start, end in spans)


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
