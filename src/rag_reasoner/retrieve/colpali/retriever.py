"""The visual first stage: pages are encoded once into a store, and found by MaxSim with the question's tokens."""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path
from typing import Any, Self

import numpy as np

from rag_reasoner.candidates import from_one_up
from rag_reasoner.errors import InvalidInput, Unreadable
from rag_reasoner.pages.pool import Pool
from rag_reasoner.retrieve.colpali.encoder import EncodedQuery, PageEncoder
from rag_reasoner.retrieve.colpali.encoding import batches, encoded
from rag_reasoner.retrieve.colpali.records import COLUMNS, ROWS, Record, document_of, owner, payload, records
from rag_reasoner.retrieve.colpali.regions import regions, similarity_map
from rag_reasoner.retrieve.store.base import Floats, Hit, Identity, PageStore, PageVectors, Storage
from rag_reasoner.retrieve.store.checked import same_identity
from rag_reasoner.retrieve.store.local import LocalPageStore
from rag_reasoner.retrieve.store.manifest import is_store
from rag_reasoner.telemetry import retrieval
from rag_reasoner.types import Box, Candidate, Document, Fault

NAME = "colpali"
"""The name under which a candidate carries its score, whatever the family of the model."""

Progress = Callable[[int, int], None]
"""Told how many pages are done, and how many there are to do."""


@dataclass(frozen=True, slots=True)
class Added:
    """What became of the documents that were handed in: how many were encoded, how many were there already unchanged,
    and what could not be encoded.
    """

    encoded: int
    unchanged: int
    faults: tuple[Fault, ...] = ()


class ColPaliRetriever:
    """Finds pages by what they look like.

    `model` is a folder, a hub id, or a `PageEncoder`. `store` is a folder, made where it is missing, or a `PageStore`
    that holds vectors of the same model; `storage` and `pool` say how a new folder's vectors are kept: in float16, one
    for each token, if not given. Images are read from documents' own bytes, from files under `image_roots` and from
    pages that `rag_reasoner.read` has read; from URLs only with `allow_urls`.

    Raises MissingExtra, ModelError, and StoreRefused where the store is another model's.
    """

    def __init__(
        self,
        model: str | Path | PageEncoder,
        store: str | PathLike[str] | PageStore,
        *,
        device: str | None = None,
        dtype: str | None = None,
        storage: Storage | None = None,
        pool: int | None = None,
        batch_size: int = 4,
        save_every: int = 32,
        image_roots: Sequence[str | PathLike[str]] = (".",),
        allow_urls: bool = False,
        workers: Pool | None = None,
    ) -> None:
        self._batch_size = from_one_up("batch_size", batch_size)
        self._save_every = from_one_up("save_every", save_every)
        self.encoder = model if isinstance(model, PageEncoder) else PageEncoder(model, device=device, dtype=dtype)
        self.store = page_store(store, self.encoder.identity, storage, pool)
        self._drawing: dict[str, Any] = {
            "image_roots": tuple(image_roots),
            "allow_urls": allow_urls,
            "pool": workers,
        }

    def __len__(self) -> int:
        return len(self.store)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the store's files and connections."""
        self.store.close()

    def add(self, documents: Iterable[Document], *, progress: Progress | None = None) -> Added:
        """Encode those of `documents` that are new or changed; each takes the place of its older self.

        Every `save_every` pages are put into the store as a whole, so that a run that was ended goes on where it was.
        What has no picture, or one that cannot be read, is a fault and costs nothing else. A blank page is kept, and
        never found.
        """
        given = list(records(documents))
        known = self.store.hashes()
        new = [one for one in given if known.get(one.id) != one.content_hash]
        faults: list[Fault] = []
        for place, some in enumerate(batches(new, self._save_every)):
            done = place * self._save_every
            self.store.upsert(list(self._vectors(some, faults.append)))  # made first: a writer locks the store
            if progress:
                progress(done + len(some), len(new))
        return Added(len(new) - len(faults), len(given) - len(new), tuple(faults))

    def remove(self, source: str | Collection[str]) -> int:
        """Forget the pages of `source`, or of several; how many there were."""
        return self.store.delete(source)

    def prune(self, documents: Iterable[Document]) -> int:
        """Forget the pages that the sources of `documents` have no more: all but `documents`, as these are now; how
        many there were. After `add`, which puts the new pages in first: whatever happens, some state of each is there.
        """
        given, known = list(records(documents)), self.store.hashes()
        kept = [one.id for one in given if known.get(one.id) == one.content_hash]
        return self.store.delete({owner(one.document) for one in given}, keep=kept)

    @retrieval
    def retrieve(self, query: str, k: int = 20) -> list[Candidate]:
        """The `k` pages with the highest MaxSim, the best first, each with the regions that the question points at.

        From vectors that a store has pooled or shortened the regions are coarser than those that `look` finds.
        """
        asked = self.encoder.query(query)
        hits = self.store.search(asked.vectors, from_one_up("k", k))
        found = self._regions(asked, hits)
        return [
            Candidate(document_of(hit.payload, hit.id), position, {NAME: hit.score}, found.get(hit.id, ()))
            for position, hit in enumerate(hits)
        ]

    def look(self, query: str, document: Document) -> tuple[Box, ...]:
        """The regions of a page that `query` points at, from its image. Raises Unreadable where it cannot be read."""
        asked = self.encoder.query(query)
        (page,) = encoded([document], self.encoder, 1, self._drawing)
        if isinstance(page, Fault):
            raise Unreadable(document.id, page.detail)
        return _shown(asked, page.vectors, page.rows, page.columns)

    def _vectors(self, some: Sequence[Record], report: Callable[[Fault], None]) -> Iterator[PageVectors]:
        """The pages of `some` as the store keeps them."""
        documents = [one.document for one in some]
        for one, page in zip(some, encoded(documents, self.encoder, self._batch_size, self._drawing), strict=True):
            if isinstance(page, Fault):
                report(page)
            else:
                kept = payload(one.document, page.rows, page.columns)
                yield PageVectors(one.id, one.content_hash, page.vectors, kept)

    def _regions(self, asked: EncodedQuery, hits: Sequence[Hit]) -> dict[str, tuple[Box, ...]]:
        try:
            pages = self.store.fetch([hit.id for hit in hits])
        except InvalidInput:
            return {}  # another process has removed one of them since they were found
        return {
            page.id: _shown(asked, page.vectors, int(page.payload[ROWS]), int(page.payload[COLUMNS])) for page in pages
        }


def _shown(asked: EncodedQuery, vectors: Floats, rows: int, columns: int) -> tuple[Box, ...]:
    """The regions of a page whose first vectors are those of its cells."""
    own, cells = asked.vectors[list(asked.asked)], vectors[: rows * columns].astype(np.float32)
    return regions(similarity_map(own, cells, rows, columns))


def page_store(
    store: str | PathLike[str] | PageStore, model: Identity, storage: Storage | None, pool: int | None
) -> PageStore:
    """The store in a folder, or the one given, if it holds vectors of `model`, whatever name that had then."""
    if isinstance(store, str | PathLike):
        made = is_store(Path(store))
        new: dict[str, Any] = {} if made else {"model": model.model, "dim": model.dim, "settings": model.settings}
        store = LocalPageStore(Path(store), storage=storage, pool=pool, **new)
    held = store.identity
    if held.settings != model.settings:
        same_identity("the page store", held, replace(model, storage=held.storage, pool=held.pool))
    return store
