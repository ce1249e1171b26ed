"""A page store in a folder: memory-mapped, for one machine.

A folder holds immutable segments and one manifest that names them. A commit writes new files, brings them to the disk,
and then replaces the manifest: whatever happens before that, the old state is there; after it, the new one.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from os import PathLike
from pathlib import Path
from typing import Any, Self

from rag_reasoner.errors import InvalidInput, StoreError, Unreadable
from rag_reasoner.retrieve.sealed import sync_folder
from rag_reasoner.retrieve.store.base import DOCUMENT, Floats, Hit, Identity, PageVectors, Storage, Where
from rag_reasoner.retrieve.store.checked import all_of, checked_identity, checked_k, checked_query, same_identity
from rag_reasoner.retrieve.store.commit import indexed, tidied, with_pages, without
from rag_reasoner.retrieve.store.lock import one_writer, sweep
from rag_reasoner.retrieve.store.manifest import Manifest, Stamp, is_store, read_manifest, stamp, write_manifest
from rag_reasoner.retrieve.store.proposals import proposals
from rag_reasoner.retrieve.store.scoring import cores
from rag_reasoner.retrieve.store.search import best_pages
from rag_reasoner.retrieve.store.snapshot import Snapshot, opened

CHECKED_AT_ONCE = 1 << 30
"""A store of at most so many bytes of vectors is checked whole when it is opened; of a larger one, each page before its
first use."""


class LocalPageStore:
    """The pages in a folder.

    Opened with `model` and `dim`, a folder without a store becomes one at the first write; with neither, it must hold
    one, and what it was made with is taken over. Whatever is given must agree with what the store was made with
    (StoreRefused). `storage` and `pool` (keep one vector for so many tokens) are chosen when it is made:
    float16 and 1 by default.

    Readers need no lock and never wait: each search sees one state, the newest when it began. Writers wait for each
    other, `patience` seconds at most.
    """

    def __init__(
        self,
        path: str | PathLike[str],
        *,
        model: str | None = None,
        dim: int | None = None,
        storage: Storage | None = None,
        pool: int | None = None,
        settings: Mapping[str, Any] | None = None,
        patience: float = 30.0,
    ) -> None:
        self._folder, self._patience = Path(path), patience
        given = {"model": model, "dim": dim, "storage": storage, "pool": pool, "settings": settings}
        self._stamp: Stamp | None = stamp(self._folder)
        self._snapshot = _first_snapshot(self._folder, {k: v for k, v in given.items() if v is not None})
        _check_small(self._snapshot)

    @property
    def identity(self) -> Identity:
        """The model and the settings whose vectors the store holds."""
        return self._snapshot.manifest.identity

    def __len__(self) -> int:
        return len(self._newest())

    def upsert(self, pages: Iterable[PageVectors]) -> None:
        """Put `pages` in, each in place of the one with its id: all of them, or on any error none.

        They are read and written one by one. InvalidInput names a page that cannot be stored; StoreError says why
        nothing can be written.
        """
        self._commit(lambda before: with_pages(before, pages))

    def delete(self, document: str | Collection[str], *, keep: Collection[str] = ()) -> int:
        """Forget the pages of `document`, or of several, but for those with the ids in `keep`; how many there were."""
        documents, kept = all_of(document), frozenset(keep)
        gone: list[int] = []

        def change(before: Snapshot) -> Manifest:
            living = ((place, record) for place, record in before.living() if record.id not in kept)
            gone[:] = [place for place, record in living if record.plain[DOCUMENT] in documents]
            return without(before, gone)

        self._commit(change)
        return len(gone)

    def search(self, query: Floats, k: int = 20, *, where: Where | None = None) -> list[Hit]:
        """The `k` pages with the highest MaxSim to `query` (tokens, dim), best first; equals in the order of storage.

        Up to 1,024 pages are scored whole; of more, those that are proposed (see `retrieve.store.search`).
        """
        asked, wanted = checked_query(query, self.identity.dim), checked_k(k)
        snapshot = self._newest()
        places = snapshot.searchable(where)
        found, scores = best_pages(snapshot, asked, wanted, places, lambda: proposals(snapshot, asked, places))
        return [
            Hit(snapshot.record(place).id, score, snapshot.payload(place))
            for place, score in zip(found.tolist(), scores.tolist(), strict=True)
        ]

    def fetch(self, ids: Iterable[str]) -> list[PageVectors]:
        """The pages with these ids, in this order; InvalidInput names one that is not there.

        With pooling, every token has the vector that it shares.
        """
        snapshot = self._newest()
        return [_page(snapshot, page) for page in ids]

    def hashes(self) -> Mapping[str, str]:
        """The content hash of every page by its id: what need not be encoded again."""
        return {record.id: record.content_hash for _, record in self._newest().living()}

    def check(self) -> None:
        """Read everything and compare it with its checksums; Unreadable names the first file that is damaged."""
        with ThreadPoolExecutor(cores()) as pool:
            _check(self._newest(), pool)

    def close(self) -> None:
        """Let go of the files, once nobody holds what was read from them. A closed store raises StoreError."""
        self._snapshot, self._stamp = Snapshot(self._folder, Manifest(self.identity)), None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _newest(self) -> Snapshot:
        """The state on the disk, opened anew only if it is another than before."""
        if self._stamp is None:
            raise StoreError(f"{self._folder}: this store was closed; open it anew")
        now = stamp(self._folder)
        if now != self._stamp:
            self._snapshot, self._stamp = self._reopened(), now
        return self._snapshot

    def _reopened(self) -> Snapshot:
        snapshot = opened(self._folder, self._snapshot)
        same_identity(str(self._folder), snapshot.manifest.identity, self.identity)
        return snapshot

    def _commit(self, change: Callable[[Snapshot], Manifest]) -> None:
        """Make what `change` makes of the newest state the state of the store."""
        with one_writer(self._folder, self._patience):
            before = self._newest()
            with _swept(self._folder, before.manifest if is_store(self._folder) else None):
                known = {segment.name: segment for segment in before.segments}
                after = indexed(tidied(change(before), self._folder, known), self._folder, known)
                sync_folder(self._folder)
                write_manifest(self._folder, after)
            sweep(self._folder, after)
            self._newest()


@contextmanager
def _swept(folder: Path, kept: Manifest | None) -> Iterator[None]:
    """Run without what a killed writer left; on an error leave nothing either, and say what the disk said.

    An error may come after the manifest was replaced, while that is brought to the disk: then what either state names
    is left, as a power cut may still bring the old one back.
    """
    sweep(folder, kept)
    try:
        yield
    except BaseException as error:
        held = read_manifest(folder) if is_store(folder) else None
        sweep(folder, kept, held)
        if isinstance(error, OSError):
            now = "what it held is unchanged" if held == kept else "it holds the new state, unless the power fails now"
            raise StoreError(f"{folder}: cannot be written ({error.strerror}); {now}") from error
        raise


def _first_snapshot(folder: Path, given: Mapping[str, Any]) -> Snapshot:
    if folder.exists() and not folder.is_dir():
        raise Unreadable(str(folder), "is a file; a page store is a folder")
    if is_store(folder):
        snapshot = opened(folder)
        held = snapshot.manifest.identity
        wanted = {name: given.get(name, getattr(held, name)) for name in held.__dataclass_fields__}
        same_identity(str(folder), held, Identity(**wanted))
        return snapshot
    if not {"model", "dim"} <= given.keys():
        raise Unreadable(str(folder), "is not a page store; to make one, give the model and the dim of its vectors")
    return Snapshot(folder, Manifest(checked_identity(Identity(**given))))


def _check_small(snapshot: Snapshot) -> None:
    if sum(segment.size for segment in snapshot.segments) <= CHECKED_AT_ONCE:
        with ThreadPoolExecutor(cores()) as pool:
            _check(snapshot, pool)


def _check(snapshot: Snapshot, pool: Executor) -> None:
    for segment in snapshot.segments:
        segment.check(pool)
    if snapshot.index:
        snapshot.index.check()


def _page(snapshot: Snapshot, page: str) -> PageVectors:
    if page not in snapshot.by_id:
        raise InvalidInput(f"page {page!r} is not in the store")
    segment, place = snapshot.at(snapshot.by_id[page])
    return segment.page(place)
