"""One state of a store, open for reading. It stays whole whatever a writer does meanwhile."""

from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rag_reasoner.errors import Unreadable
from rag_reasoner.retrieve.store.base import Scalar, Where
from rag_reasoner.retrieve.store.checked import checked_where
from rag_reasoner.retrieve.store.manifest import Manifest, ProposalsEntry, read_manifest
from rag_reasoner.retrieve.store.segment import Record, Segment
from rag_reasoner.retrieve.store.sketch_index import SketchIndex

Places = NDArray[np.int64]
"""Pages by number, counted through all segments, the dead ones included."""


class Snapshot:
    """The segments of a manifest. Those of `before` that it still names are not opened again."""

    def __init__(self, folder: Path, manifest: Manifest, before: "Snapshot | None" = None) -> None:
        known: dict[str, Segment] = {segment.name: segment for segment in before.segments} if before else {}
        self.folder, self.manifest = folder, manifest
        self.segments: list[Segment] = [
            known.get(entry.name) or Segment(folder, entry, manifest.identity) for entry in manifest.segments
        ]
        self.index = _index(folder, manifest.proposals, before)
        counts = [len(segment) for segment in self.segments]
        self.firsts: Places = np.concatenate([np.zeros(1, np.int64), np.cumsum(counts, dtype=np.int64)])
        self.live = np.ones(int(self.firsts[-1]), dtype=bool)
        for first, entry in zip(self.firsts, manifest.segments, strict=False):
            self.live[first + np.array(entry.dead, dtype=np.int64)] = False

    def __len__(self) -> int:
        return int(self.live.sum())

    @cached_property
    def tokens(self) -> NDArray[np.int64]:
        """How many vectors each page has."""
        return np.concatenate([np.empty(0, np.int64), *(segment.tokens for segment in self.segments)])

    @cached_property
    def owners(self) -> Places:
        """The page of every vector in the index; -1 where its segment is gone."""
        known = {segment.name: segment for segment in self.segments}
        parts = [
            _owners(known[name], self.first_of(known[name])) if name in known else np.full(count, -1, np.int64)
            for name, count in (self.index.entry.segments if self.index else ())
        ]
        return np.concatenate([np.empty(0, np.int64), *parts])

    @cached_property
    def covered(self) -> NDArray[np.bool_]:
        """Whether each page is in the index."""
        names = {name for name, _ in self.index.entry.segments} if self.index else set()
        return np.repeat([segment.name in names for segment in self.segments], np.diff(self.firsts)).astype(bool)

    @cached_property
    def by_id(self) -> Mapping[str, int]:
        """The place of every living page."""
        return {record.id: place for place, record in self.living()}

    def living(self) -> Iterator[tuple[int, Record]]:
        """Every living page, as its place and its record."""
        places = np.flatnonzero(self.live).tolist()
        return ((place, self.record(place)) for place in places)

    def first_of(self, segment: Segment) -> int:
        """The place of the first page of `segment`."""
        return int(self.firsts[self.segments.index(segment)])

    def at(self, place: int) -> tuple[Segment, int]:
        """The segment of a page, and its place there."""
        number = int(np.searchsorted(self.firsts, place, side="right")) - 1
        return self.segments[number], place - int(self.firsts[number])

    def record(self, place: int) -> Record:
        """What the table says of a page."""
        segment, local = self.at(place)
        return segment.records[local]

    def payload(self, place: int) -> dict[str, Any]:
        """The payload of a page, the caller's own."""
        segment, local = self.at(place)
        return segment.payload(local)

    def searchable(self, where: Where | None) -> Places:
        """The living pages that are not blank and match `where`."""
        places = np.flatnonzero(self.live & (self.tokens > 0))
        if not where:
            return places
        wanted = checked_where(where)
        return np.array([place for place in places.tolist() if self._matches(place, wanted)], dtype=np.int64)

    def _matches(self, place: int, wanted: Mapping[str, tuple[Scalar, ...]]) -> bool:
        plain = self.record(place).plain
        return all(key in plain and plain[key] in values for key, values in wanted.items())


def opened(folder: Path, before: Snapshot | None = None) -> Snapshot:
    """The state that the store in `folder` is in now.

    Between reading the manifest and opening what it names, a writer may replace both: then the new one is read.
    """
    manifest = read_manifest(folder)
    while True:
        try:
            return Snapshot(folder, manifest, before)
        except FileNotFoundError as error:
            newer = read_manifest(folder)
            if newer == manifest:
                raise Unreadable(str(error.filename), "is missing; index anew") from error
            manifest = newer
        except OSError as error:
            raise Unreadable(str(error.filename or folder), f"cannot be read ({error.strerror or error})") from error


def _index(folder: Path, entry: ProposalsEntry | None, before: Snapshot | None) -> SketchIndex | None:
    """The index of `entry`; that of `before` if it is the same."""
    if before and before.index and before.index.entry == entry:
        return before.index
    return SketchIndex(folder, entry) if entry else None


def _owners(segment: Segment, first: int) -> Places:
    """The page of every sketch vector of a segment whose first page is at `first`."""
    return first + np.repeat(np.arange(len(segment)), np.diff(segment.sketch_starts))
