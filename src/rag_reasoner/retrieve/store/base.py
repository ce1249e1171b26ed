"""What a page store is: the token vectors of pages under their ids, searched by MaxSim."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

Storage = Literal["float32", "float16", "int8", "binary"]
"""How a number is kept: 4 bytes, 2 bytes, 1 byte with one scale a token, or its sign alone."""

Floats = NDArray[np.float32] | NDArray[np.float16]

Scalar = str | int | float | bool

Where = Mapping[str, Scalar | Sequence[Scalar]]
"""Which pages may be found: those whose payload has, under every key, the value or one of the values."""

DOCUMENT = "document"
"""The payload key that every page has: the document it belongs to, by which pages are deleted."""


@dataclass(frozen=True, slots=True, eq=False)
class PageVectors:
    """A page as a late-interaction model sees it.

    `vectors` is (tokens, dim), finite; a blank page has none. `content_hash` changes when the page does.
    `payload` can be written as JSON and names at least its `document`.
    """

    id: str
    content_hash: str
    vectors: Floats
    payload: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Hit:
    """A page that was found, with its MaxSim score."""

    id: str
    score: float
    payload: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Identity:
    """What made the vectors and how they are kept. Vectors of different identities cannot be compared.

    `settings` are whatever else changes the vectors (revision, resolution, ...), as JSON values.
    """

    model: str
    dim: int
    storage: Storage = "float16"
    pool: int = 1
    settings: Mapping[str, Any] = field(default_factory=dict)


@runtime_checkable
class PageStore(Protocol):
    """Keeps pages and finds them. A page is there as a whole or not at all; what more a store promises, it says."""

    @property
    def identity(self) -> Identity:
        """The model and the settings whose vectors the store holds."""

    def __len__(self) -> int:
        """How many pages the store holds."""

    def upsert(self, pages: Iterable[PageVectors]) -> None:
        """Put `pages` in, each in place of the one with its id. They are read one by one, never all held."""

    def delete(self, document: str | Collection[str], *, keep: Collection[str] = ()) -> int:
        """Forget the pages of `document`, or of several, but for those with the ids in `keep`; how many there were."""

    def search(self, query: Floats, k: int = 20, *, where: Where | None = None) -> list[Hit]:
        """The `k` pages with the highest MaxSim to `query` (tokens, dim), best first. Blank pages are never found."""

    def fetch(self, ids: Iterable[str]) -> list[PageVectors]:
        """The pages with these ids, in this order; InvalidInput names one that is not there."""

    def hashes(self) -> Mapping[str, str]:
        """The content hash of every page by its id: what need not be encoded again."""

    def close(self) -> None:
        """Let go of files and connections. A closed store is not used again."""
