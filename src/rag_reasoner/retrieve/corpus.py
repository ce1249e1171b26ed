"""Documents with their terms, ready to be scored: an immutable state of a lexical index."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np

from rag_reasoner.retrieve.bm25 import Bm25, Scores, index_terms
from rag_reasoner.retrieve.passages import Span, blocks, pairs, passage
from rag_reasoner.types import Document

Unit = Literal["page", "passage"]

Key = tuple[str | None, str, int]
"""Source, id, and the how-manieth of its kind: ids may repeat."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A document with its blocks, the terms of each, and those of its title."""

    document: Document
    blocks: tuple[Span, ...]
    terms: tuple[tuple[str, ...], ...]
    title: tuple[str, ...]

    def passage_terms(self, pair: Span) -> list[str]:
        """The terms of the blocks of `pair`, and of the title, which says what they are about."""
        return [*self.title, *(term for block in self.terms[slice(*pair)] for term in block)]

    def passage(self, number: int, pair: Span) -> Document:
        """The `number`-th passage, from 1; a document that is one passage is its own."""
        if len(self.blocks) <= 2:
            return self.document
        first, last = pair
        return passage(self.document, number, self.blocks[first][0], self.blocks[last - 1][1])


def entry(document: Document) -> Entry:
    """`document` cut into blocks, each reduced to its terms."""
    spans = blocks(document.text)
    found = tuple(index_terms(document.text[start:end]) for start, end in spans)
    return Entry(document, spans, found, index_terms(document.title))


def keyed(documents: Iterable[Document]) -> Iterator[tuple[Key, Document]]:
    """`documents` with what tells them apart."""
    seen: Counter[tuple[str | None, str]] = Counter()
    for document in documents:
        name = (document.source, document.id)
        yield (*name, seen[name]), document
        seen[name] += 1


class Corpus:
    """Entries under their keys. Never changed, only replaced, so that a search sees one state of it."""

    def __init__(self, by_key: Mapping[Key, Entry]) -> None:
        self.by_key = by_key
        self.entries = list(by_key.values())

    def scores(self, query: Sequence[str], unit: Unit) -> Scores:
        """One score for each document or passage; a document's is its own plus that of its best passage."""
        of_passages = self._passage_index.scores(query)
        if unit == "passage":
            return of_passages
        best = np.zeros(len(self.entries), dtype=np.float32)
        np.maximum.at(best, [place for place, _, _ in self._passages], of_passages)
        return self._document_index.scores(query) + best

    def document(self, place: int, unit: Unit) -> Document:
        """The document or passage that has the score at `place`."""
        if unit == "page":
            return self.entries[place].document
        owner, number, pair = self._passages[place]
        return self.entries[owner].passage(number, pair)

    @cached_property
    def _passages(self) -> list[tuple[int, int, Span]]:
        """Every passage as the place of its document, its number and its blocks."""
        return [
            (place, number, pair)
            for place, owner in enumerate(self.entries)
            for number, pair in enumerate(pairs(owner.blocks), start=1)
        ]

    @cached_property
    def _passage_index(self) -> Bm25:
        return Bm25([self.entries[place].passage_terms(pair) for place, _, pair in self._passages])

    @cached_property
    def _document_index(self) -> Bm25:
        return Bm25([owner.passage_terms((0, len(owner.blocks))) for owner in self.entries])
