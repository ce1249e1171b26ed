"""One writer at a time; what it leaves behind is swept up by the next."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from rag_reasoner.errors import StoreError
from rag_reasoner.retrieve.store.manifest import Manifest
from rag_reasoner.retrieve.store.segment import DETAILS, GROUPS, SKETCHES, TABLE, VECTORS
from rag_reasoner.retrieve.store.sketch_index import SUFFIX

LOCK = "pages.lock"
_OURS = re.compile(r"(pages-[0-9a-f]{16})\.(vectors|sketches|groups|details|table|faiss)|\.pages\.manifest-.+")


@contextmanager
def one_writer(folder: Path, patience: float, name: str = LOCK) -> Iterator[None]:
    """Hold the lock of what is in `folder`; StoreError after `patience` seconds, or where it cannot be written."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / name, timeout=patience)
        lock.acquire()
    except Timeout as error:
        raise StoreError(f"{folder}: another process is writing; wait for it, or end it") from error
    except OSError as error:
        raise StoreError(f"{folder}: cannot be written ({error.strerror})") from error
    try:
        yield
    finally:
        lock.release()


def sweep(folder: Path, *manifests: Manifest | None) -> None:
    """Remove our files that none of `manifests` names. Who reads them goes on reading: they are mapped."""
    named = {name for manifest in manifests if manifest for name in _named(manifest)}
    for path in folder.iterdir():
        if _OURS.fullmatch(path.name) and path.name not in named:
            _remove(path)


def _named(manifest: Manifest) -> set[str]:
    kinds = (VECTORS, SKETCHES, GROUPS, DETAILS, TABLE)
    named = {f"{entry.name}{kind}" for entry in manifest.segments for kind in kinds}
    return named | ({f"{manifest.proposals.name}{SUFFIX}"} if manifest.proposals else set())


def _remove(path: Path) -> None:
    """Remove `path`, unless the system keeps it for a reader; then the next writer will."""
    try:
        path.unlink(missing_ok=True)
    except PermissionError:
        return
