"""What a teacher has said so far: lines that are only ever added, so that a killed run goes on where it was."""

import hashlib
import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from rag_reasoner.evaluate.lines import Lines, whole_lines
from rag_reasoner_train.written import json_line, told

Entry = Mapping[str, Any]


def key_of(*asked: Any) -> str:
    """What an entry is about, as a hash: where anything of it has changed, the entry is void."""
    return hashlib.sha256(json_line(asked).encode()).hexdigest()[:24]


class Ledger:
    """Entries under keys. Each is on the disk before work goes on. Raises NotWritten where the disk is full.

    A last line that a kill has torn is cut off; lines that are no entries are passed over.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._entries: defaultdict[str, list[Entry]] = defaultdict(list)
        with told(path):
            for line in whole_lines(path):
                self._remember(line)
            self._lines = Lines(path)

    def entries(self, key: str) -> Sequence[Entry]:
        """What was kept under a key, in the order in which it came."""
        return tuple(self._entries.get(key, ()))

    def add(self, key: str, entry: Entry) -> None:
        with told(self._path):
            self._lines.append(json_line({"key": key, **entry}))
        self._entries[key].append(entry)

    def _remember(self, line: str) -> None:
        try:
            entry = json.loads(line)
            self._entries[entry.pop("key")].append(entry)
        except (ValueError, KeyError, AttributeError, TypeError):
            return  # none of ours: what it was about is asked again

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._lines.__exit__(kind, error, trace)
