"""What a teacher has said of rows so far: notes on documents, chains, and rows without one."""

from collections.abc import Mapping
from pathlib import Path

from pydantic import ValidationError

from rag_reasoner.tasks import FORMAT
from rag_reasoner_train.chains.chain import Chain, Saying
from rag_reasoner_train.chains.check import NoChain
from rag_reasoner_train.chains.files import as_value, from_value
from rag_reasoner_train.rows.line import as_line
from rag_reasoner_train.rows.row import Row
from rag_reasoner_train.teacher.ledger import Entry, Ledger, key_of

Outcome = Chain | NoChain


def journal_file(folder: Path, split: str) -> Path:
    """Where the journal of a split is."""
    return folder / f"{split}.teacher.jsonl"


class Journal:
    """The ledger of a split's rows, asked of one teacher."""

    def __init__(self, ledger: Ledger, model: str, folder: Path) -> None:
        self._ledger, self._model, self._folder = ledger, model, folder

    def outcome(self, row: Row) -> Outcome | None:
        """What came of a row, where it is done."""
        entries = self._ledger.entries(self._key(row))
        return next((found for entry in reversed(entries) if (found := _outcome(entry))), None)

    def notes(self, row: Row) -> Mapping[str, Saying]:
        """The notes on a row's documents so far, by their ids."""
        entries = self._ledger.entries(self._key(row))
        return {one["document"]: Saying(one["quote"], one["reason"]) for one in entries if "document" in one}

    def note(self, row: Row, document: str, said: Saying) -> None:
        self._ledger.add(self._key(row), {"document": document, "quote": said.quote, "reason": said.reason})

    def finish(self, row: Row, outcome: Outcome) -> None:
        """Keep what came of a row: its chain, or why it has none."""
        if isinstance(outcome, NoChain):
            self._ledger.add(self._key(row), {"rejected": outcome.reason, "id": row.id, "reply": outcome.reply})
        else:
            self._ledger.add(self._key(row), {"chain": as_value(outcome)})

    def _key(self, row: Row) -> str:
        return key_of(as_line(row, self._folder), self._model, FORMAT)


def _outcome(entry: Entry) -> Outcome | None:
    if "rejected" in entry:
        return NoChain(entry["id"], entry["rejected"], entry["reply"])
    try:
        return from_value(entry["chain"]) if "chain" in entry else None
    except ValidationError:
        return None  # of another release: the row is asked about again
