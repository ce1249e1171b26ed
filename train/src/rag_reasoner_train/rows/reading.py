"""Rows from JSON-lines files, packed or not, one at a time. A bad row is named; it never costs another."""

import gzip
import lzma
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, cast

from rag_reasoner.errors import InvalidInput
from rag_reasoner_train.errors import BadRow
from rag_reasoner_train.rows.line import read_line
from rag_reasoner_train.rows.pictures import check_images
from rag_reasoner_train.rows.row import SET, Row

PACKED = ("", ".gz", ".xz")
"""What may follow `.jsonl`."""

_BOM = b"\xef\xbb\xbf"
_DAMAGED = (OSError, EOFError, lzma.LZMAError, zlib.error)

OnBad = Callable[[BadRow], None]


def stop(bad: BadRow) -> None:
    """The first bad row ends the reading."""
    raise bad


@dataclass(frozen=True, slots=True)
class RowFiles:
    """The rows of a split in one folder or several. Each iteration reads the files anew.

    What is wrong with a row is handed to `on_bad`, which raises it or goes on with the next. `images`: whether every
    image is tried.
    """

    folders: tuple[Path, ...]
    split: str = "train"
    on_bad: OnBad = stop
    images: bool = True

    @property
    def paths(self) -> tuple[Path, ...]:
        """The files. Raises InvalidInput where a folder has none."""
        return tuple(rows_file(folder, self.split) for folder in self.folders)

    def __iter__(self) -> Iterator[Row]:
        seen: dict[str, str] = {}
        for path in self.paths:
            for where, line in _lines(path, self.on_bad):
                try:
                    row = _checked(read_line(line, path.parent, where), where, seen, path.parent, self.images)
                except BadRow as bad:
                    self.on_bad(bad)
                else:
                    yield row


def rows_file(folder: Path, split: str) -> Path:
    """`folder/SPLIT.jsonl`, packed or not. Raises InvalidInput where there is none."""
    for suffix in PACKED:
        path = folder / f"{split}.jsonl{suffix}"
        if path.is_file():
            return path
    raise InvalidInput(f"{folder / split}.jsonl is missing (it may also be .gz or .xz): give a folder that has it")


def read_rows(folder: Path, split: str = "train", *, images: bool = True) -> RowFiles:
    """The rows of one folder; the first bad one raises BadRow."""
    return RowFiles((folder,), split, images=images)


def _checked(row: Row, where: str, seen: dict[str, str], folder: Path, images: bool) -> Row:
    if row.id in seen:
        raise BadRow(where, row.id, f"this id was used before, at {seen[row.id]}")
    if images and (problem := check_images(row.candidates, folder)):
        raise BadRow(where, row.id, problem)
    seen[row.id] = where
    return row if SET in row.extra else replace(row, extra={**row.extra, SET: folder.resolve().name})


def _lines(path: Path, on_bad: OnBad) -> Iterator[tuple[str, bytes]]:
    """The lines that hold something, each with its place. A file that ends in damage gives what stands before."""
    number = 0
    try:
        with _opened(path) as file:
            for number, line in enumerate(file, 1):
                if text := line.removeprefix(_BOM if number == 1 else b"").strip():
                    yield f"{path}, line {number}", text
    except _DAMAGED as error:
        on_bad(BadRow(f"{path}, after line {number}", "", f"the file is damaged from here on: {error}"))


def _opened(path: Path) -> IO[bytes]:
    match path.suffix:
        case ".gz":
            return cast(IO[bytes], gzip.open(path))
        case ".xz":
            return lzma.open(path)
        case _:
            return path.open("rb")


def as_folders(given: Sequence[Path]) -> tuple[Path, ...]:
    """Folders as given on a command line. Raises InvalidInput for what is none."""
    for folder in given:
        if not folder.is_dir():
            raise InvalidInput(f"{folder} is not a folder: give the folder that holds the .jsonl files")
    return tuple(given)
