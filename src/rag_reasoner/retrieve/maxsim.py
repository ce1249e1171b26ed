"""MaxSim, late interaction's score: for every token of the query its best token of the page, summed.

MaxSim(Q, P) = sum over i of max over j of Q_i . P_j        (Khattab and Zaharia 2020, ColBERT, eq. 3)
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rag_reasoner.errors import InvalidInput

Scores = NDArray[np.float32]
Similarities = NDArray[np.float32]

CHUNK_TOKENS = 4096
"""Tokens compared at once: their similarities to a query and their float32 copies stay in a core's cache."""


def maxsim(query: ArrayLike, pages: Sequence[ArrayLike]) -> Scores:
    """The exact score of each of `pages` (tokens, dim) for `query` (tokens, dim), in float32.

    A page without tokens scores -inf: it is behind every other. Pages may differ in length; they are never all
    copied at once.
    """
    asked = np.ascontiguousarray(query, dtype=np.float32)
    if asked.ndim != 2 or not len(asked):
        raise InvalidInput(f"the query has the shape {asked.shape}: it must be (tokens, dim) with at least one token")
    return np.array([_page_score(asked, np.asarray(page)) for page in pages], dtype=np.float32)


def best_sums(similarities: Similarities, starts: NDArray[np.intp]) -> Scores:
    """Scores of the pages whose tokens begin at `starts`, from (query tokens, page tokens) similarities.

    No page may be empty.
    """
    summed: Scores = np.maximum.reduceat(similarities, starts, axis=1).sum(axis=0, dtype=np.float32)
    return summed


def _page_score(query: NDArray[np.float32], page: NDArray[np.floating]) -> float:
    if page.ndim != 2 or page.shape[1] != query.shape[1]:
        raise InvalidInput(f"a page has the shape {page.shape}: it must be (tokens, {query.shape[1]}) as the query has")
    best = np.full(len(query), -np.inf, dtype=np.float32)
    for start in range(0, len(page), CHUNK_TOKENS):
        tokens = np.asarray(page[start : start + CHUNK_TOKENS], dtype=np.float32)
        np.maximum(best, (query @ tokens.T).max(axis=1), out=best)
    return float(best.sum(dtype=np.float32))
