"""Which pages are worth scoring: those whose sketches have the highest MaxSim."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from rag_reasoner.retrieve.maxsim import Scores, best_sums
from rag_reasoner.retrieve.store.segment import Segment
from rag_reasoner.retrieve.store.sketch import RUNS
from rag_reasoner.retrieve.store.sketch_index import SketchIndex, faiss_is_here
from rag_reasoner.retrieve.store.snapshot import Places, Snapshot

Propose = Callable[[int], Places]
"""At least so many of the most promising pages, or all; asked for more, other ones too."""

_CHUNK_PAGES = 256
_MANY = 4
"""The index gives so many times the pages asked for, to be told apart by their sketches."""


def proposals(snapshot: Snapshot, query: NDArray[np.float32], places: Places) -> Propose:
    """Proposals from among `places`, by the index where there is one."""
    if snapshot.index and faiss_is_here():
        return _by_index(snapshot, snapshot.index, query, places)
    return _by_sketches(snapshot, query, places)


def _by_sketches(snapshot: Snapshot, query: NDArray[np.float32], places: Places) -> Propose:
    order = np.argsort(-sketch_scores(snapshot, query, places), kind="stable")
    return lambda count: places[order[:count]]


def _by_index(snapshot: Snapshot, index: SketchIndex, query: NDArray[np.float32], places: Places) -> Propose:
    """Proposals from what `index` finds and from the pages that came after it was built, all by their sketches."""
    wanted = np.zeros(len(snapshot.live), dtype=bool)
    wanted[places] = True
    allowed = wanted[snapshot.owners] & (snapshot.owners >= 0)
    newer = np.flatnonzero(wanted & ~snapshot.covered)

    def propose(count: int) -> Places:
        looked = _MANY * count
        while looked < len(places):
            nearest = index.nearest(query, min(count * RUNS, index.total), looked / len(places), allowed)
            either = np.union1d(_promising(snapshot.owners, *nearest, _MANY * count), newer)
            if len(either) >= count:
                return either[np.argsort(-sketch_scores(snapshot, query, either), kind="stable")[:count]]
            looked *= 2  # what may be found lies far from the query: look further
        return places

    return propose


def _promising(owners: Places, products: Scores, numbers: NDArray[np.int64], count: int) -> Places:
    """The best `count` pages by the vectors found: a page's best product with each query token, summed.

    Where a token did not find a page, the page gets the least that the token found (Lee et al. 2023, XTR, section 3.2).
    """
    hit = numbers >= 0
    found = np.unique(owners[numbers[hit]])
    least = np.where(hit, products, np.inf).min(axis=1, initial=np.inf)
    best = np.repeat(np.where(np.isfinite(least), least, 0)[:, None], len(found), axis=1)
    tokens, ranks = np.nonzero(hit)
    np.maximum.at(best, (tokens, np.searchsorted(found, owners[numbers[hit]])), products[tokens, ranks])
    return found[np.argsort(-best.sum(axis=0), kind="stable")[:count]]


def sketch_scores(snapshot: Snapshot, query: NDArray[np.float32], places: Places) -> Scores:
    """The MaxSim of the sketches of the pages at `places`, which rise and are not blank."""
    bounds = np.searchsorted(places, snapshot.firsts)
    parts = [
        _segment_scores(segment, query, places[bounds[number] : bounds[number + 1]] - snapshot.firsts[number])
        for number, segment in enumerate(snapshot.segments)
    ]
    return np.concatenate([np.empty(0, np.float32), *parts])


def _segment_scores(segment: Segment, query: NDArray[np.float32], places: Places) -> Scores:
    scores = np.empty(len(places), dtype=np.float32)
    for start in range(0, len(places), _CHUNK_PAGES):
        part = places[start : start + _CHUNK_PAGES]
        counts = segment.sketch_starts[part + 1] - segment.sketch_starts[part]
        starts = np.cumsum(counts) - counts
        rows = np.repeat(segment.sketch_starts[part] - starts, counts) + np.arange(counts.sum())
        scores[start : start + _CHUNK_PAGES] = best_sums(query @ segment.sketches[rows].astype(np.float32).T, starts)
    return scores
