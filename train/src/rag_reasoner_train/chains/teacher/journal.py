"""What a teacher has said so far: lines that are only ever added, so that a killed run goes on where it was."""

import hashlib
import json
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from pydantic import ValidationError

from rag_reasoner.evaluate.lines import Lines, whole_lines
from rag_reasoner.tasks import FORMAT
from rag_reasoner_train.chains.chain import Chain, Saying
from rag_reasoner_train.chains.check import NoChain
from rag_reasoner_train.chains.files import as_value, from_value
from rag_reasoner_train.rows.line import as_line
from rag_reasoner_train.rows.row import Row
from rag_reasoner_train.rows.written import json_line, told

Outcome = Chain | NoChain


def journal_file(folder: Path, split: str) -> Path:
    """Where the journal of a split is."""
    return folder / f"{split}.teacher.jsonl"


def key_of(row: Row, model: str, folder: Path) -> str:
    """What an entry is about: a row that has changed, or another teacher, makes it void."""
    asked = [as_line(row, folder), model, FORMAT]
    return hashlib.sha256(json_line(asked).encode()).hexdigest()[:24]


def _said(outcome: Outcome) -> dict[str, Any]:
    if isinstance(outcome, NoChain):
        return {"rejected": outcome.reason, "reply": outcome.reply}
    return {"chain": as_value(outcome)}


class Journal:
    """The entries of a file: notes on documents, and what came of rows. Each is on the disk before work goes on.

    A last line that a kill has torn is cut off; lines that are none of ours are passed over.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._outcomes: dict[str, Outcome] = {}
        self._notes: defaultdict[str, dict[str, Saying]] = defaultdict(dict)
        with told(path):
            for line in whole_lines(path):
                self._remember(line)
            self._lines = Lines(path)

    def outcome(self, key: str) -> Outcome | None:
        """What came of a row, where it is done."""
        return self._outcomes.get(key)

    def notes(self, key: str) -> Mapping[str, Saying]:
        """The notes on a row's documents so far, by their ids."""
        return dict(self._notes[key])

    def note(self, key: str, document: str, said: Saying) -> None:
        self._add({"key": key, "document": document, "quote": said.quote, "reason": said.reason})

    def finish(self, key: str, outcome: Outcome) -> None:
        """Keep what came of a row: its chain, or why it has none."""
        self._add({"key": key, "id": outcome.row_id, **_said(outcome)})

    def _add(self, entry: dict[str, Any]) -> None:
        with told(self._path):
            self._lines.append(json_line(entry))
        self._take(entry)

    def _remember(self, line: str) -> None:
        try:
            self._take(json.loads(line))
        except (ValueError, LookupError, TypeError, AttributeError, ValidationError):
            return  # not ours: the row is asked about again

    def _take(self, entry: dict[str, Any]) -> None:
        key = entry["key"]
        if "document" in entry:
            self._notes[key][entry["document"]] = Saying(entry["quote"], entry["reason"])
        elif "chain" in entry:
            self._outcomes[key] = from_value(entry["chain"])
        else:
            self._outcomes[key] = NoChain(entry["id"], entry["rejected"], entry["reply"])

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._lines.__exit__(kind, error, trace)
