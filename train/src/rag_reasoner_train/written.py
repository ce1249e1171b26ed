"""Files that are there whole or not at all."""

import json
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from rag_reasoner_train.errors import NotWritten

Write = Callable[[bytes], None]


@contextmanager
def replacing(path: Path) -> Iterator[Write]:
    """What writes a new file, which takes the place of `path` when all of it is on the disk.

    Whatever is raised inside leaves `path` as it was. Raises NotWritten where the disk is full, or `path` forbidden.
    """
    new_folder = not path.parent.exists()
    with told(path):
        temporary = _begun(path)
    try:
        with _opened(path, temporary) as write:
            yield write
        with told(path):
            temporary.chmod(0o644)
            temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
        if new_folder and not path.exists():
            with suppress(OSError):  # something else stands in it by now
                path.parent.rmdir()


def _begun(path: Path) -> Path:
    """An empty file beside `path`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    os.close(handle)
    return Path(name)


@contextmanager
def _opened(path: Path, temporary: Path) -> Iterator[Write]:
    with told(path):
        file = temporary.open("wb")
    try:
        yield lambda content: _write(path, file, content)
        with told(path):
            file.flush()
            os.fsync(file.fileno())
            file.close()
    finally:
        with suppress(OSError):  # on a full disk closing fails again, and the first failure is the one to tell
            file.close()


def _write(path: Path, file: IO[bytes], content: bytes) -> None:
    with told(path):
        file.write(content)


@contextmanager
def told(path: Path) -> Iterator[None]:
    """Where what happens inside cannot write to `path`, it raises NotWritten naming it."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        raise NotWritten(f"{path} could not be written ({reason}); what was there before is untouched") from error


def write_json_lines(path: Path, values: Iterable[Any]) -> int:
    """Write a line of JSON for each value; how many there were. Same values, same bytes."""
    count = 0
    with replacing(path) as write:
        for value in values:
            write(json_line(value).encode() + b"\n")
            count += 1
    return count


def json_line(value: Any) -> str:
    """`value` as a line of a JSON-lines file."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def write_text(path: Path, text: str) -> None:
    """Put `text` at `path`."""
    with replacing(path) as write:
        write(text.encode())
