"""A JSON-lines file that survives a kill: whole lines only, each on the disk before the next is begun."""

import os
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self


class Lines:
    """Appends lines to `path`. What a killed run left of a line is cut off first."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        _cut_torn_line(path)
        self._file = path.open("ab")

    def append(self, line: str) -> None:
        """Write one line, and see it to the disk."""
        self._file.write(line.encode() + b"\n")
        self._file.flush()
        os.fsync(self._file.fileno())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()


def whole_lines(path: Path) -> Iterator[str]:
    """The complete lines of `path`; none where there is no file."""
    if not path.exists():
        return
    with path.open("rb") as file:
        for line in file:
            if line.endswith(b"\n"):
                yield line.decode()


def _cut_torn_line(path: Path) -> None:
    if not path.exists():
        return
    whole = path.read_bytes().rfind(b"\n") + 1
    with path.open("r+b") as file:
        file.truncate(whole)
