"""Exact MaxSim over pages of a snapshot, in chunks, on all cores."""

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rag_reasoner.retrieve.maxsim import CHUNK_TOKENS, Scores, best_sums
from rag_reasoner.retrieve.store.segment import Segment
from rag_reasoner.retrieve.store.snapshot import Places, Snapshot

_CHUNKS_A_TASK = 16


@dataclass(frozen=True, slots=True)
class Chunk:
    """Neighbouring pages of one segment, which are compared at once: `first` up to, not including, `last`."""

    segment: Segment
    first: int
    last: int


def exact_scores(snapshot: Snapshot, query: NDArray[np.float32], places: Places) -> Scores:
    """The MaxSim of the pages at `places`, which rise and are not blank, in their order."""
    chunks = list(_chunks(snapshot, places))
    tasks = [chunks[start : start + _CHUNKS_A_TASK] for start in range(0, len(chunks), _CHUNKS_A_TASK)]
    scores = _on_all_cores(lambda task: _task_scores(task, query), tasks)
    return np.concatenate([np.empty(0, np.float32), *scores])


def _chunks(snapshot: Snapshot, places: Places) -> Iterator[Chunk]:
    """Runs of neighbours among `places`, each of about CHUNK_TOKENS tokens or of one page."""
    bounds = np.searchsorted(places, snapshot.firsts)
    for number, segment in enumerate(snapshot.segments):
        inside = (places[bounds[number] : bounds[number + 1]] - snapshot.firsts[number]).tolist()
        yield from _runs(segment, inside)


def _runs(segment: Segment, pages: Sequence[int]) -> Iterator[Chunk]:
    if not pages:
        return
    first = last = pages[0]
    for page in pages:
        full = segment.starts[page + 1] - segment.starts[first] > CHUNK_TOKENS
        if page > first and (page != last or full):
            yield Chunk(segment, first, last)
            first = page
        last = page + 1
    yield Chunk(segment, first, last)


def _task_scores(chunks: Sequence[Chunk], query: NDArray[np.float32]) -> Scores:
    compare = chunks[0].segment.encoding.compare(query)
    return np.concatenate([_chunk_scores(chunk, compare) for chunk in chunks])


def _chunk_scores(chunk: Chunk, compare: Callable[[Any], Any]) -> Scores:
    starts = chunk.segment.starts[chunk.first : chunk.last] - chunk.segment.starts[chunk.first]
    return best_sums(compare(chunk.segment.rows(chunk.first, chunk.last)), starts)


def _on_all_cores(score: Callable[[Sequence[Chunk]], Scores], tasks: Sequence[Sequence[Chunk]]) -> list[Scores]:
    workers = min(cores(), len(tasks))
    if workers < 2:
        return [score(task) for task in tasks]
    with _one_blas_thread(), ThreadPoolExecutor(workers) as pool:
        return list(pool.map(score, tasks))


def cores() -> int:
    """The processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _one_blas_thread() -> AbstractContextManager[object]:
    """Keep BLAS from starting threads of its own in each of ours, where that can be said."""
    controller = _controller()
    limits: AbstractContextManager[object] = (
        controller.limit(limits=1, user_api="blas") if controller else nullcontext()
    )
    return limits


@cache
def _controller() -> Any:
    """The handle of NumPy's BLAS, found once: looking through all loaded libraries takes longer than small searches."""
    try:
        from threadpoolctl import ThreadpoolController
    except ImportError:
        return None
    return ThreadpoolController()
