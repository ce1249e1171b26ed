"""A faiss index over the sketches of many pages, so that not all of them are compared with every query.

An inverted file of about sqrt(n) cells whose vectors take one byte a number. It is built when a store has grown, kept
in a file, and compared with its checksum before faiss sees a byte of it: faiss trusts what it reads.
"""

import hashlib
import importlib.util
import mmap
import os
from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rag_reasoner.errors import Unreadable
from rag_reasoner.retrieve.store.manifest import ProposalsEntry

SUFFIX = ".faiss"

_SAMPLE_A_CELL = 64
_ITERATIONS = 10

Numbers = NDArray[np.int64]


def faiss_is_here() -> bool:
    """Whether faiss is installed. Without it every sketch is compared: the same proposals, or better, but slower."""
    return importlib.util.find_spec("faiss") is not None


def build(parts: Sequence[NDArray[np.float16]], dim: int) -> bytes:
    """The serialized index over the vectors of `parts`, numbered as they come."""
    import faiss

    total = sum(len(part) for part in parts)
    cells = max(1, int(np.sqrt(total)))
    coarse = faiss.IndexFlatIP(dim)
    kind = faiss.ScalarQuantizer.QT_8bit
    index = faiss.IndexIVFScalarQuantizer(coarse, dim, cells, kind, faiss.METRIC_INNER_PRODUCT, False)
    index.cp.niter, index.cp.min_points_per_centroid = _ITERATIONS, 1
    index.train(_sample(parts, min(total, cells * _SAMPLE_A_CELL)))
    for part in parts:
        index.add(part.astype(np.float32))
    serialized: bytes = faiss.serialize_index(index).tobytes()
    return serialized


def write(folder: Path, name: str, content: bytes, segments: Iterable[tuple[str, int]]) -> ProposalsEntry:
    """Bring a serialized index to the disk; the entry that the manifest needs."""
    with (folder / f"{name}{SUFFIX}").open("xb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    return ProposalsEntry(name, hashlib.sha256(content).hexdigest(), tuple(segments))


class SketchIndex:
    """An index on the disk: its file is mapped at once, checked and read when it is first needed."""

    def __init__(self, folder: Path, entry: ProposalsEntry) -> None:
        self.entry, self._path = entry, folder / f"{entry.name}{SUFFIX}"
        with self._path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            self._content = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) if size else b""

    @property
    def total(self) -> int:
        """How many vectors it holds."""
        return sum(count for _, count in self.entry.segments)

    def nearest(
        self, query: NDArray[np.float32], count: int, share: float, allowed: NDArray[np.bool_]
    ) -> tuple[NDArray[np.float32], Numbers]:
        """The inner products and numbers of the `count` nearest allowed vectors of each query token; -1 is none.

        About `share` of the cells are looked into, the nearest first, and no fewer than 16.
        """
        import faiss

        probes = min(self._index.nlist, max(16, int(np.ceil(self._index.nlist * share))))
        bits = np.packbits(allowed, bitorder="little")
        kit: Any = faiss  # its stubs leave out what its Python wrappers add
        chosen = kit.IDSelectorBitmap(bits)
        products, numbers = self._index.search(query, count, params=kit.SearchParametersIVF(sel=chosen, nprobe=probes))
        return products, np.where((numbers >= 0) & (numbers < self.total), numbers, -1)

    def check(self) -> None:
        """Unreadable where the file is not the one that was written."""
        if hashlib.sha256(self._content).hexdigest() != self.entry.digest:
            raise Unreadable(str(self._path), "is damaged (its checksum does not agree); index anew")

    @cached_property
    def _index(self) -> Any:
        import faiss

        self.check()
        return faiss.deserialize_index(np.frombuffer(self._content, dtype=np.uint8))


def _sample(parts: Sequence[NDArray[np.float16]], wanted: int) -> NDArray[np.float32]:
    """So many vectors from all of `parts`, the same ones every time."""
    every = np.concatenate([np.zeros(1, np.int64), np.cumsum([len(part) for part in parts])])
    chosen = np.sort(np.random.default_rng(0).choice(int(every[-1]), wanted, replace=False))
    taken = [
        part[chosen[(chosen >= first) & (chosen < first + len(part))] - first]
        for first, part in zip(every, parts, strict=False)
    ]
    return np.concatenate(taken).astype(np.float32)
