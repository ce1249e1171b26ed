"""What a folder's store is at this moment: one small sealed file, replaced as a whole at every commit."""

from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from rag_reasoner.errors import Unreadable
from rag_reasoner.retrieve.sealed import read_sealed, write_sealed
from rag_reasoner.retrieve.store.base import Identity

FILE, KIND, VERSION = "pages.manifest", "rag-reasoner-pages", 2

Stamp = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class SegmentEntry:
    """An immutable batch of pages. `digest` is of its table, which holds those of everything else it has.

    `size` is in bytes of vectors, `sketches` in vectors; `dead` are the places of the pages that were deleted or
    replaced since.
    """

    name: str
    pages: int
    size: int
    sketches: int
    digest: str
    dead: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class ProposalsEntry:
    """The faiss index over the sketches of these segments, in this order, each with their number."""

    name: str
    digest: str
    segments: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Manifest:
    """A state of a store."""

    identity: Identity
    segments: tuple[SegmentEntry, ...] = ()
    proposals: ProposalsEntry | None = None


_MANIFEST = TypeAdapter(Manifest)


def is_store(folder: Path) -> bool:
    """Whether `folder` holds a page store."""
    return (folder / FILE).is_file()


def read_manifest(folder: Path) -> Manifest:
    """The state of the store in `folder`; Unreadable where there is none, or where it is damaged."""
    path = folder / FILE
    if not path.exists():
        raise Unreadable(str(folder), "is not a page store; give the folder that pages were indexed into")
    content = read_sealed(path, KIND, VERSION)
    try:
        return _MANIFEST.validate_json(content)
    except ValidationError as error:
        raise Unreadable(str(path), "holds something that is not a manifest of ours; index anew") from error


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Make `manifest` the state of the store in `folder`: what it names must be on the disk already."""
    write_sealed(folder / FILE, KIND, VERSION, _MANIFEST.dump_json(manifest))


def stamp(folder: Path) -> Stamp:
    """Changes when the manifest is replaced."""
    try:
        found = (folder / FILE).stat()
    except (FileNotFoundError, NotADirectoryError):
        return (0, 0, 0)
    return (found.st_ino, found.st_mtime_ns, found.st_size)
