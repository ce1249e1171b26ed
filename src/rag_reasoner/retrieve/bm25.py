"""BM25 over lists of terms, by bm25s."""

import re
import unicodedata
from collections.abc import Sequence

import bm25s
import numpy as np
from numpy.typing import NDArray

from rag_reasoner.quotes import LINE_END_HYPHENS
from rag_reasoner.words import terms

Scores = NDArray[np.float32]

_BROKEN_WORD = re.compile(rf"[\u00ad{LINE_END_HYPHENS}]\s*")


def index_terms(text: str) -> tuple[str, ...]:
    """The terms of `text` as they are indexed: ligatures taken apart, words broken at a line's end made whole."""
    return terms(unicodedata.normalize("NFKC", _BROKEN_WORD.sub("", text)))


class Bm25:
    """Scores lists of terms against a query: Lucene's variant, k1 1.5, b 0.75."""

    def __init__(self, units: Sequence[list[str]]) -> None:
        self._size = len(units)
        self._index = bm25s.BM25(k1=1.5, b=0.75, method="lucene") if any(units) else None
        if self._index:
            self._index.index(units, show_progress=False)

    def scores(self, query: Sequence[str]) -> Scores:
        """One score a unit, 0 where no term is shared."""
        if not self._index or not query:
            return np.zeros(self._size, dtype=np.float32)
        scores: Scores = self._index.get_scores(list(query))
        return scores
