"""A fixed sample of a benchmark: by the hash of the question's id, so that it never depends on the order of a file."""

import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path

from rag_reasoner.evaluate.row import Load, Row


def rank_of(row_id: str, seed: int = 0) -> int:
    """The place of a question in the order of hashes, 0..2**64-1."""
    return int.from_bytes(hashlib.sha256(f"{seed}/{row_id}".encode()).digest()[:8], "big")


def sampled_ids(ids: Iterable[str], number: int, seed: int = 0) -> frozenset[str]:
    """The `number` ids with the smallest hashes; all of them where there are fewer."""
    return frozenset(sorted(set(ids), key=lambda one: (rank_of(one, seed), one))[:number])


def all_ids(load: Load, folder: Path, split: str) -> list[str]:
    """The ids of a split's questions; no row is built for them."""
    found: list[str] = []

    def note(row_id: str) -> bool:
        found.append(row_id)
        return False

    for _ in load(folder, split, note):
        pass
    return found


def rows(load: Load, folder: Path, split: str, ids: Iterable[str]) -> Iterator[Row]:
    """The questions of those ids, in the order of the files."""
    return load(folder, split, frozenset(ids).__contains__)
