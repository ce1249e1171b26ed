"""Rows of a parquet file by their numbers, without the file in memory."""

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from rag_reasoner.errors import InvalidInput, MissingExtra


class Parquet:
    """Some columns of a parquet file. Raises InvalidInput where it is none, or lacks one of `needed`."""

    def __init__(self, path: Path, needed: Collection[str], optional: Collection[str] = ()) -> None:
        try:
            from pyarrow import ArrowException, parquet
        except ImportError as error:
            raise MissingExtra("reading parquet files", "eval") from error
        try:
            self._file = parquet.ParquetFile(path)
        except (ArrowException, OSError) as error:
            raise InvalidInput(f"{path} is not a parquet file: {error}") from error
        names = set(self._file.schema_arrow.names)
        if missing := sorted(set(needed) - names):
            raise InvalidInput(f"{path} has no column {missing[0]!r}: this is not the benchmark's official layout")
        self._path = path
        self._columns = [name for name in (*needed, *optional) if name in names]

    def rows(self, start: int, end: int, where: str) -> Iterator[dict[str, Any]]:
        """Rows `start` to `end`, both included. Only the row groups that hold them are read, one at a time."""
        total = self._file.metadata.num_rows
        if not 0 <= start <= end < total:
            raise InvalidInput(f"{where} asks for rows {start} to {end}, but {self._path} has {total}")
        first = 0
        for group in range(self._file.num_row_groups):
            after = first + self._file.metadata.row_group(group).num_rows
            if first <= end and start < after:
                low, high = max(start, first), min(end + 1, after)
                table = self._file.read_row_group(group, columns=self._columns)
                yield from table.slice(low - first, high - low).to_pylist()
            first = after
