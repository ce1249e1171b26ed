"""Which files are meant: paths and folders as a person gives them, in an order that is always the same."""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Literal

from rag_reasoner.errors import InvalidInput
from rag_reasoner.pages.unread import Unread

Kind = Literal["pdf", "image", "text"]

KINDS: dict[str, Kind] = {
    ".pdf": "pdf",
    ".png": "image",
    ".jpg": "image",
    ".jpeg": "image",
    ".webp": "image",
    ".tif": "image",
    ".tiff": "image",
    ".txt": "text",
    ".text": "text",
    ".md": "text",
    ".markdown": "text",
}
"""The files that are read, by the end of their names."""


@dataclass(frozen=True, slots=True)
class File:
    """A file to read. `source` is its path as given, `relative` its path within the folder that was given."""

    path: Path
    kind: Kind
    relative: str

    @property
    def source(self) -> str:
        """The path as given."""
        return str(self.path)

    @property
    def name(self) -> str:
        """The last part of the path."""
        return self.path.name


@dataclass(frozen=True, slots=True)
class Found:
    """The files found, what was named but cannot be read, and how many files in folders are of another kind."""

    files: tuple[File, ...]
    unread: tuple[Unread, ...]
    skipped: int


def find(paths: Iterable[str | PathLike[str]]) -> Found:
    """The files that `paths` mean, each once. A path that does not exist, or a folder with nothing to read, is unread
    beside others, and an InvalidInput where there is nothing else.
    """
    given = [os.fspath(path) for path in paths]
    if not given:
        raise InvalidInput("no path was given: name a file or a folder to read")
    found: list[File | Unread] = []
    refused: list[InvalidInput] = []
    skipped = 0
    for path in given:
        try:
            inside, others = _at(path)
        except InvalidInput as error:
            refused.append(error)
            inside, others = [Unread(path, str(error).removeprefix(f"{path!r} "))], 0
        found, skipped = found + inside, skipped + others
    if len(refused) == len(given):
        raise refused[0]
    files = [one for one in found if isinstance(one, File)]
    return Found(tuple(_once(files)), tuple(one for one in found if isinstance(one, Unread)), skipped)


def _at(given: str) -> tuple[list[File | Unread], int]:
    """What is to be read at a path, and how many files there are of another kind."""
    path = _existing(given)
    return _in_folder(path) if path.is_dir() else ([_file(path)], 0)


def _existing(path: str) -> Path:
    try:
        existing = Path(path)
        existing.lstat()
    except (OSError, ValueError) as error:
        raise InvalidInput(f"{path!r} does not exist, or cannot be reached") from error
    return existing


def _file(path: Path) -> File | Unread:
    kind = KINDS.get(path.suffix.lower())
    if kind is None:
        return Unread(str(path), f"files of this kind are not read; these are: {', '.join(KINDS)}")
    return File(path, kind, path.name)


def _in_folder(folder: Path) -> tuple[list[File | Unread], int]:
    found: list[File | Unread] = []
    skipped = 0
    for path in _walk(folder):
        kind = KINDS.get(path.suffix.lower())
        if kind is None:
            skipped += 1
        elif path.is_symlink() and not path.resolve().is_relative_to(folder.resolve()):
            found.append(
                Unread(str(path), "it is a link that leads out of the folder: name its target to have it read")
            )
        else:
            found.append(File(path, kind, path.relative_to(folder).as_posix()))
    if not found:
        raise InvalidInput(f"{str(folder)!r} has nothing to read; files that are read: {', '.join(KINDS)}")
    return found, skipped


def _walk(folder: Path) -> Iterator[Path]:
    """The files below `folder`, sorted; hidden ones and links to folders left out."""
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (Path(place, name) for name in sorted(names) if not name.startswith("."))


def _once(files: Iterable[File]) -> Iterator[File]:
    seen: set[str] = set()
    for file in files:
        real = os.path.realpath(file.path)
        if real not in seen:
            seen.add(real)
            yield file
