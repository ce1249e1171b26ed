"""How fast, how exact and how large a page store is, on pages made of random numbers.

    python benchmarks/retrieval.py [--pages 1000 10000] [--noise 0.5 1 2] [--queries 20] [--storage float16] [--pool 1]
                                   [--seed 0] [--folder FOLDER]

A page has 1,024 tokens of 128 numbers: each is its topic's centre, of length 1, plus noise whose length is `noise`
times that, brought to length 1. Twenty-five pages share a topic, so that the first ten are told apart by their tokens.
A query is 20 tokens of one page, each with noise of the same size added once more. Recall is that of the first ten
against scoring every page of the same store; `loss` is the share of the first ten of the unrounded, unpooled vectors
that storage and pooling put elsewhere (up to 2,000 pages).

Times are medians over the queries, on a store that was read before. Peak memory is what the process itself holds,
without the mapped files, which the system may drop at any time.
"""

import argparse
import os
import shutil
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import psutil
from numpy.typing import NDArray

from rag_reasoner.retrieve.maxsim import maxsim
from rag_reasoner.retrieve.store.base import PageVectors
from rag_reasoner.retrieve.store.local import LocalPageStore
from rag_reasoner.retrieve.store.scoring import exact_scores
from rag_reasoner.torchvision_guard import guard

TOKENS, DIM, QUERY_TOKENS, TOPIC_PAGES, K = 1024, 128, 20, 25, 10
MOST_IN_MEMORY = 2000
YARDSTICK_PAGES = 1000

Vectors = NDArray[np.float32]


@dataclass(frozen=True)
class Made:
    """Pages and queries that are the same every time."""

    pages: int
    noise: float
    seed: int

    def page(self, number: int) -> Vectors:
        centre = _unit(np.random.default_rng([self.seed, 1, number // TOPIC_PAGES]).standard_normal(DIM, np.float32))
        return self._noisy(centre, np.random.default_rng([self.seed, 2, number]), TOKENS)

    def query(self, number: int) -> Vectors:
        generator = np.random.default_rng([self.seed, 3, number])
        page = self.page(int(generator.integers(self.pages)))
        return self._noisy(page[generator.choice(TOKENS, QUERY_TOKENS, replace=False)], generator, QUERY_TOKENS)

    def _noisy(self, start: Vectors, generator: np.random.Generator, tokens: int) -> Vectors:
        noise = generator.standard_normal((tokens, DIM), np.float32) / np.float32(np.sqrt(DIM))
        return _unit(start + np.float32(self.noise) * noise)


def _unit(vectors: Vectors) -> Vectors:
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


class Peak:
    """The most memory that this process held for itself, looked at fifty times a second."""

    def __enter__(self) -> Self:
        self.megabytes, self._done = 0.0, threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._done.set()
        self._thread.join()

    def _watch(self) -> None:
        process = psutil.Process()
        while not self._done.wait(0.02):
            found = process.memory_info()
            self.megabytes = max(self.megabytes, (found.rss - found.shared) / 1e6)


def main() -> None:
    options = _options()
    print(
        f"{os.cpu_count()} cores, seed {options.seed}, {options.queries} queries, "
        f"{options.storage}, pool {options.pool}, load {os.getloadavg()[0]:.1f}"
    )
    for pages in options.pages:
        for noise in options.noise:
            folder = Path(tempfile.mkdtemp(prefix="retrieval-", dir=options.folder))
            try:
                _measure(folder, Made(pages, noise, options.seed), options)
            finally:
                shutil.rmtree(folder)


def _measure(folder: Path, made: Made, options: argparse.Namespace) -> None:
    with Peak() as building:
        seconds = _build(folder, made, options)
    size = sum(file.stat().st_size for file in folder.iterdir())
    opening, store = _timed(lambda: LocalPageStore(folder))
    print(
        f"\n{made.pages:,} pages, noise {made.noise}: built in {seconds:.1f} s (without making the pages), "
        f"{size / made.pages:,.0f} bytes a page, peak {building.megabytes:,.0f} MB; opened in {opening * 1e3:,.0f} ms",
        flush=True,
    )
    _search(store, made, options)
    _yardsticks(folder, made)


def _build(folder: Path, made: Made, options: argparse.Namespace) -> float:
    """Seconds that writing took, less those in which pages were made."""
    making = 0.0

    def pages() -> Iterator[PageVectors]:
        nonlocal making
        for number in range(made.pages):
            took, vectors = _timed(lambda number=number: made.page(number))
            making += took
            yield PageVectors(f"p{number}", str(number), vectors, {"document": f"d{number // 20}", "page": number % 20})

    with LocalPageStore(folder, model="made", dim=DIM, storage=options.storage, pool=options.pool) as store:
        took, _ = _timed(lambda: store.upsert(pages()))
    return took - making


def _search(store: LocalPageStore, made: Made, options: argparse.Namespace) -> None:
    snapshot = store._newest()
    places = snapshot.searchable(None)
    queries = [made.query(number) for number in range(options.queries)]
    _timed(lambda: exact_scores(snapshot, queries[0], places))  # every page read, and checked, once
    _timed(lambda: store.search(queries[0], K))
    with Peak() as peak:
        exact = [_timed(lambda query=query: exact_scores(snapshot, query, places)) for query in queries]
        found = [_timed(lambda query=query: store.search(query, K)) for query in queries]
    best = [{snapshot.record(int(place)).id for place in places[np.argsort(-scores)[:K]]} for _, scores in exact]
    recalls = [len(wanted & {hit.id for hit in hits}) / K for wanted, (_, hits) in zip(best, found, strict=True)]
    print(
        f"  exact {_median(exact):.4f} s, search {_median(found):.4f} s a query, recall@{K} {np.mean(recalls):.3f} "
        f"(lowest {min(recalls):.1f}), peak {peak.megabytes:,.0f} MB",
        flush=True,
    )
    if made.pages <= MOST_IN_MEMORY and (options.storage != "float32" or options.pool > 1):
        print(f"  loss against the vectors as given: {1 - np.mean(list(_kept(made, queries, best))):.3f}", flush=True)


def _kept(made: Made, queries: list[Vectors], best: list[set[str]]) -> Iterator[float]:
    """For each query the share of the true first ten that the store's first ten have."""
    scores = np.array(
        [[float(maxsim(query, [page])[0]) for query in queries] for page in map(made.page, range(made.pages))]
    )
    for number, stored in enumerate(best):
        true = {f"p{place}" for place in np.argsort(-scores[:, number])[:K].tolist()}
        yield len(true & stored) / K


def _yardsticks(folder: Path, made: Made) -> None:
    files = sorted(folder.glob("*.vectors"))
    print(f"  reading the vectors' bytes once: {_median([_timed(lambda: _read(files)) for _ in range(3)]):.4f} s")
    print(f"  the same through a buffer of 1 MiB: {_median([_timed(lambda: _stream(files)) for _ in range(3)]):.4f} s")
    if made.pages != YARDSTICK_PAGES:
        return
    try:
        import torch
    except ImportError:
        print("  torch is not installed: its yardsticks are skipped")
        return
    pages, query = (
        torch.tensor(np.stack([made.page(number) for number in range(made.pages)])),
        torch.tensor(made.query(0)),
    )
    with torch.inference_mode():
        einsum = [_timed(lambda: torch.einsum("qd,pnd->pqn", query, pages).amax(-1).sum(-1)) for _ in range(3)]
        print(f"  torch einsum, float32 in memory: {_median(einsum):.4f} s")
        _colpali_engine(query, pages)


def _colpali_engine(query: Any, pages: Any) -> None:
    guard()
    try:
        from colpali_engine.utils.processing_utils import BaseVisualRetrieverProcessor
    except ImportError:
        print("  colpali-engine is not installed: its scorer is skipped")
        return
    score = BaseVisualRetrieverProcessor.score_multi_vector
    took = _median([_timed(lambda: score([query], list(pages), device="cpu")) for _ in range(3)])
    print(f"  colpali-engine's scorer, float32 in memory: {took:.4f} s")


def _read(files: list[Path]) -> None:
    for file in files:
        file.read_bytes()


def _stream(files: list[Path]) -> None:
    buffer = bytearray(1 << 20)
    for path in files:
        with path.open("rb", buffering=0) as file:
            while file.readinto(buffer):
                pass


def _timed(call: Callable[[], Any]) -> tuple[float, Any]:
    start = time.perf_counter()
    result = call()
    return time.perf_counter() - start, result


def _median(timed: list[tuple[float, Any]]) -> float:
    return statistics.median(seconds for seconds, _ in timed)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="How fast, how exact and how large a page store is.")
    parser.add_argument("--pages", type=int, nargs="+", default=[1000, 10_000])
    parser.add_argument("--noise", type=float, nargs="+", default=[0.5, 1.0, 2.0])
    parser.add_argument("--queries", type=int, default=20)
    parser.add_argument("--storage", choices=("float32", "float16", "int8", "binary"), default="float16")
    parser.add_argument("--pool", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", type=Path)
    return parser.parse_args()


if __name__ == "__main__":
    main()
