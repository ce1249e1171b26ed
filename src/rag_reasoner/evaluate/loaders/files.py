"""Reading a benchmark's files: a missing or wrong one is named, with where it belongs. Nothing is read whole."""

import csv
import gzip
import json
import lzma
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from rag_reasoner.errors import InvalidInput


def wanted(folder: Path, name: str, what: str) -> Path:
    """`folder/name`, or with `.xz` or `.gz` after it. Raises InvalidInput, saying what it is, where it is missing."""
    for suffix in ("", ".gz", ".xz"):
        path = folder / f"{name}{suffix}"
        if path.exists():
            return path
    raise InvalidInput(f"{folder / name} is missing: {what}; put it into {folder}, as the benchmark's authors ship it")


def json_lines(path: Path) -> Iterator[dict[str, Any]]:
    """The objects of a JSON-lines file, packed or not. Raises InvalidInput naming the line that is none."""
    with readable(path), _opened(path) as file:
        for number, line in enumerate(file, 1):
            if line.strip():
                yield _object(line, f"{path}, line {number}")


def whole_json(path: Path) -> Any:
    """What a JSON file holds."""
    try:
        with readable(path), _opened(path) as file:
            return json.load(file)
    except json.JSONDecodeError as error:
        raise InvalidInput(f"{path} is not JSON: {error}") from error


@contextmanager
def readable(path: Path) -> Iterator[None]:
    """Where what happens inside fails to read or decode the file, it raises InvalidInput naming it."""
    try:
        yield
    except (OSError, EOFError, UnicodeDecodeError, lzma.LZMAError, zlib.error, csv.Error) as error:
        raise InvalidInput(f"{path} cannot be read: {error}") from error


def field(row: Any, name: str, where: str) -> Any:
    """`row[name]`. Raises InvalidInput naming the place where it is missing."""
    try:
        return row[name]
    except (KeyError, TypeError, IndexError):
        raise InvalidInput(f"{where} has no {name!r}: this is not the benchmark's official layout") from None


def _opened(path: Path) -> IO[str]:
    openers = {".gz": gzip.open, ".xz": lzma.open}
    return openers.get(path.suffix, open)(path, "rt", encoding="utf-8")  # type: ignore[operator,no-any-return]


def _object(line: str, where: str) -> dict[str, Any]:
    try:
        found = json.loads(line)
    except ValueError as error:
        raise InvalidInput(f"{where} is not JSON: {error}") from error
    if not isinstance(found, dict):
        raise InvalidInput(f"{where} is a {type(found).__name__}, not an object")
    return found
