"""Which pages are worth scoring: those whose sketches have the highest MaxSim."""

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from rag_reasoner.retrieve.maxsim import Scores, best_sums
from rag_reasoner.retrieve.store.segment import Segment
from rag_reasoner.retrieve.store.snapshot import Places, Snapshot

Propose = Callable[[int], Places]
"""The so many most promising pages, best first; asked for more, the same and more of them."""

_CHUNK_PAGES = 256


def by_sketches(snapshot: Snapshot, query: NDArray[np.float32], places: Places) -> Propose:
    """Proposals from among `places` by comparing the query with every sketch."""
    scores = sketch_scores(snapshot, query)[places]
    order = np.argsort(-scores, kind="stable")
    return lambda count: places[order[:count]]


def sketch_scores(snapshot: Snapshot, query: NDArray[np.float32]) -> Scores:
    """The MaxSim of every page's sketch, -inf where it has none."""
    return np.concatenate([_segment_scores(segment, query) for segment in snapshot.segments])


def _segment_scores(segment: Segment, query: NDArray[np.float32]) -> Scores:
    scores = np.full(len(segment), -np.inf, dtype=np.float32)
    filled = np.flatnonzero(segment.tokens)
    for part in _parts(filled):
        starts = segment.sketch_starts[part]
        vectors = segment.sketches[starts[0] : segment.sketch_starts[part[-1] + 1]].astype(np.float32)
        scores[part] = best_sums(query @ vectors.T, starts - starts[0])
    return scores


def _parts(places: NDArray[np.intp]) -> Iterator[NDArray[np.intp]]:
    return (places[start : start + _CHUNK_PAGES] for start in range(0, len(places), _CHUNK_PAGES))
