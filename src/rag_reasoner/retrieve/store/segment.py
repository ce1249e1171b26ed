"""A segment on the disk: an immutable batch of pages in four files, or five where tokens are pooled.

    NAME.vectors    the tokens of page after page, in rows of one length
    NAME.sketches   the sketch of page after page, float16
    NAME.details    what payloads hold beside plain values, page after page, as JSON: a page may bring all its text
    NAME.groups     with pooling: the group of every token that the model gave, uint16
    NAME.table      a record for each page, as JSON: its name, its place, and the SHA-256 of what it has in the others

Nothing is believed before its digest was compared: the table's is in the manifest; a page's is in the table and
compared once, before its first use. The files are mapped: they outlive being removed while somebody reads.
"""

import hashlib
import json
import mmap
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter, ValidationError

from rag_reasoner.errors import Unreadable
from rag_reasoner.retrieve.store.base import Floats, Identity, PageVectors
from rag_reasoner.retrieve.store.encodings import ENCODINGS, Rows
from rag_reasoner.retrieve.store.manifest import SegmentEntry
from rag_reasoner.retrieve.store.sketch import sketch_size

VECTORS, SKETCHES, GROUPS, DETAILS, TABLE = ".vectors", ".sketches", ".groups", ".details", ".table"


@dataclass(frozen=True, slots=True)
class Record:
    """A page's line in the table. `whole` tokens came from the model, `tokens` are kept.

    `plain` are the values of its payload by which it may be chosen, `length` the bytes of its details. All lines of a
    store are in memory while it is open: what may be long is not in them.
    """

    id: str
    content_hash: str
    tokens: int
    whole: int
    vectors: str
    sketch: str
    groups: str
    details: str
    length: int
    plain: dict[str, Any]


RECORDS = TypeAdapter(list[Record])


def digest(*parts: bytes | NDArray[Any]) -> str:
    """The SHA-256 of `parts`, one after the other."""
    found = hashlib.sha256()
    for part in parts:
        found.update(part if isinstance(part, bytes) else part.data)
    return found.hexdigest()


class Segment:
    """An open segment. Opening reads its table; vectors are read when they are asked for."""

    def __init__(self, folder: Path, entry: SegmentEntry, identity: Identity) -> None:
        self.name, self._base, self._identity = entry.name, folder / entry.name, identity
        self.encoding = ENCODINGS[identity.storage]
        self.records = self._read_table(entry.digest)
        self.tokens = np.array([record.tokens for record in self.records], dtype=np.int64)
        self.starts = _starts(self.tokens)
        self._wholes = _starts(np.array([record.whole for record in self.records], dtype=np.int64))
        self.sketch_starts = _starts(np.array([sketch_size(record.whole) for record in self.records], dtype=np.int64))
        self._rows: Rows = self._mapped(VECTORS, np.uint8, self.starts[-1], self.encoding.row_bytes(identity.dim))
        self._sketches = self._mapped(SKETCHES, np.float16, self.sketch_starts[-1], identity.dim)
        self._ends = _starts(np.array([record.length for record in self.records], dtype=np.int64))
        self._details = self._mapped(DETAILS, np.uint8, self._ends[-1], 1)
        self._groups = self._mapped(GROUPS, np.uint16, self._wholes[-1], 1) if identity.pool > 1 else None
        self._checked = np.zeros(len(self.records), dtype=bool)

    def __len__(self) -> int:
        return len(self.records)

    @property
    def size(self) -> int:
        """The bytes of its vectors."""
        return int(self._rows.nbytes)

    def rows(self, first: int, last: int) -> Rows:
        """The encoded tokens of the pages from `first` up to, not including, `last`; Unreadable where damaged."""
        self._check(first, last)
        return self._rows[self.starts[first] : self.starts[last]]

    def page(self, place: int) -> PageVectors:
        """A page as it was given, but for what its storage and pooling lost."""
        record = self.records[place]
        vectors: Floats = self.encoding.decode(self.rows(place, place + 1), self._identity.dim)
        if self._groups is not None:
            vectors = vectors[self._groups[self._wholes[place] : self._wholes[place + 1], 0]]
        return PageVectors(record.id, record.content_hash, vectors.copy(), self.payload(place))

    def payload(self, place: int) -> dict[str, Any]:
        """The payload of a page, the caller's own; Unreadable where damaged."""
        self._check(place, place + 1)
        details: dict[str, Any] = json.loads(self._details_of(place).tobytes())
        return {**details, **self.records[place].plain}

    @cached_property
    def sketches(self) -> NDArray[np.float16]:
        """The sketches of all pages, one below the other, checked."""
        for place, record in enumerate(self.records):
            part = self._sketches[self.sketch_starts[place] : self.sketch_starts[place + 1]]
            self._compare(SKETCHES, record, record.sketch, part)
        return self._sketches

    def check(self, pool: Executor) -> None:
        """Compare every digest now, also of what was compared before; Unreadable names the first damaged file."""
        self._checked[:] = False
        self.__dict__.pop("sketches", None)
        for _ in pool.map(lambda place: self._check(place, place + 1), range(len(self))):
            pass
        _ = self.sketches  # an assert would be left out under python -O, and the check with it

    def parts(self, place: int) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any], NDArray[Any]]:
        """A page's rows, sketch, groups and details as they lie on the disk, checked: for copying."""
        whole = slice(self._wholes[place], self._wholes[place + 1])
        groups = self._groups[whole] if self._groups is not None else np.empty((0, 1), np.uint16)
        kept = self.sketches[self.sketch_starts[place] : self.sketch_starts[place + 1]]
        return self.rows(place, place + 1), kept, groups, self._details_of(place)

    def _details_of(self, place: int) -> NDArray[np.uint8]:
        return self._details[self._ends[place] : self._ends[place + 1]]

    def _check(self, first: int, last: int) -> None:
        for place in (first + np.flatnonzero(~self._checked[first:last])).tolist():
            record = self.records[place]
            self._compare(VECTORS, record, record.vectors, self._rows[self.starts[place] : self.starts[place + 1]])
            self._compare(DETAILS, record, record.details, self._details_of(place))
            if self._groups is not None:
                part = self._groups[self._wholes[place] : self._wholes[place + 1]]
                self._compare(GROUPS, record, record.groups, part)
            self._checked[place] = True

    def _compare(self, kind: str, record: Record, expected: str, found: NDArray[Any]) -> None:
        if digest(found) != expected:
            reason = f"is damaged (the checksum of page {record.id!r} does not agree); index it anew"
            raise Unreadable(f"{self._base}{kind}", reason)

    def _read_table(self, expected: str) -> list[Record]:
        path = f"{self._base}{TABLE}"
        content = Path(path).read_bytes()
        if digest(content) != expected:
            raise Unreadable(path, "is damaged (its checksum does not agree); index anew")
        try:
            return RECORDS.validate_json(content)
        except ValidationError as error:
            raise Unreadable(path, "holds something that is not a table of ours; index anew") from error

    def _mapped(self, kind: str, dtype: type[np.generic], rows: int, width: int) -> NDArray[Any]:
        """The file as an array (rows, width); Unreadable where it has another size."""
        path = Path(f"{self._base}{kind}")
        size = int(rows) * width * np.dtype(dtype).itemsize
        with path.open("rb") as file:
            found = file.seek(0, 2)
            if found != size:
                raise Unreadable(str(path), f"is damaged ({found:,} bytes where {size:,} belong); index anew")
            content = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) if size else b""
        return np.frombuffer(content, dtype=dtype).reshape(int(rows), width)


def _starts(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Where each of so many begins, and where the last one ends."""
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(counts)])
