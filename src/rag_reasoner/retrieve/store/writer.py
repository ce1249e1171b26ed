"""Writing segments. Nothing written here counts before a manifest names it."""

import json
import os
import secrets
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

import numpy as np
from numpy.typing import NDArray

from rag_reasoner.retrieve.store.base import Identity, PageVectors, Scalar
from rag_reasoner.retrieve.store.checked import checked_page, checked_payload
from rag_reasoner.retrieve.store.encodings import ENCODINGS
from rag_reasoner.retrieve.store.manifest import SegmentEntry
from rag_reasoner.retrieve.store.pooling import grouped, means
from rag_reasoner.retrieve.store.segment import (
    DETAILS,
    GROUPS,
    RECORDS,
    SKETCHES,
    TABLE,
    VECTORS,
    Record,
    Segment,
    digest,
)
from rag_reasoner.retrieve.store.sketch import sketch

PREFIX = "pages-"
LARGEST_SEGMENT = 1 << 32
"""Bytes of vectors after which another segment is begun, so that no merge has to copy everything."""


def new_name() -> str:
    """A name that no other file has."""
    return f"{PREFIX}{secrets.token_hex(8)}"


class SegmentWriter:
    """Writes one segment, page by page, holding only the records."""

    def __init__(self, folder: Path, identity: Identity) -> None:
        self.name, self.size, self._sketches = new_name(), 0, 0
        self._folder, self._identity = folder, identity
        self._records: list[Record] = []
        self._files: dict[str, IO[bytes]] = {}
        self._open = ExitStack()

    def __enter__(self) -> Self:
        pooled = (GROUPS,) if self._identity.pool > 1 else ()
        for kind in (VECTORS, SKETCHES, DETAILS, *pooled):
            self._files[kind] = self._open.enter_context((self._folder / f"{self.name}{kind}").open("xb"))
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._open.close()

    def __len__(self) -> int:
        return len(self._records)

    def add(self, page: PageVectors) -> None:
        """Check, pool, encode and write `page`."""
        given = checked_page(page, self._identity.dim)
        kept, groups = _pooled(given, self._identity.pool)
        plain, details = _parted(checked_payload(page))
        record = Record(page.id, page.content_hash, len(kept), len(given), "", "", "", "", len(details), plain)
        self.copy(record, ENCODINGS[self._identity.storage].encode(kept), sketch(given), groups, details)

    def copy(
        self,
        record: Record,
        rows: NDArray[Any],
        sketched: NDArray[Any],
        groups: NDArray[Any],
        details: NDArray[np.uint8],
    ) -> None:
        """Write a page that is encoded already."""
        parts = {VECTORS: rows, SKETCHES: sketched, GROUPS: groups, DETAILS: details}
        for kind, file in self._files.items():
            file.write(np.ascontiguousarray(parts[kind]).data)
        digests = {name: digest(np.ascontiguousarray(part)) for name, part in parts.items()}
        self._records.append(
            replace(
                record,
                vectors=digests[VECTORS],
                sketch=digests[SKETCHES],
                groups=digests[GROUPS],
                details=digests[DETAILS],
            )
        )
        self.size += rows.nbytes
        self._sketches += len(sketched)

    def finish(self) -> SegmentEntry:
        """Bring everything to the disk; the entry that the manifest needs."""
        table = RECORDS.dump_json(self._records)
        with (self._folder / f"{self.name}{TABLE}").open("xb") as file:
            file.write(table)
            _to_disk(file)
        for open_file in self._files.values():
            _to_disk(open_file)
        return SegmentEntry(self.name, len(self._records), self.size, self._sketches, digest(table))


def written(folder: Path, identity: Identity, pages: Iterable[PageVectors]) -> Iterator[tuple[SegmentEntry, list[str]]]:
    """Segments with `pages`, each with the ids it holds; none where there are no pages."""
    waiting = iter(pages)
    page = next(waiting, None)
    while page is not None:
        ids = []
        with SegmentWriter(folder, identity) as writer:
            while page is not None and writer.size < LARGEST_SEGMENT:
                writer.add(page)
                ids.append(page.id)
                page = next(waiting, None)
            yield writer.finish(), ids


def merged(folder: Path, identity: Identity, parts: Iterable[tuple[Segment, Iterable[int]]]) -> SegmentEntry:
    """One segment with the pages at the given places of others, copied as they lie there after their check."""
    with SegmentWriter(folder, identity) as writer:
        for segment, places in parts:
            for place in places:
                writer.copy(segment.records[place], *segment.parts(place))
        return writer.finish()


def _pooled(vectors: NDArray[np.float32], factor: int) -> tuple[NDArray[np.float32], NDArray[np.uint16]]:
    if factor == 1:
        return vectors, np.empty(0, np.uint16)
    groups = grouped(vectors, factor)
    return means(vectors, groups), groups


def _parted(payload: Mapping[str, Any]) -> tuple[dict[str, Any], NDArray[np.uint8]]:
    """The plain values of `payload`, and the others as JSON."""
    plain = {name: value for name, value in payload.items() if isinstance(value, Scalar)}
    others = {name: value for name, value in payload.items() if name not in plain}
    return plain, np.frombuffer(json.dumps(others, ensure_ascii=False).encode(), dtype=np.uint8)


def _to_disk(file: IO[bytes]) -> None:
    file.flush()
    os.fsync(file.fileno())
