"""Rows from folders to a folder: read, prepared, written with their images, and described by a card."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from rag_reasoner.errors import InvalidInput
from rag_reasoner_train.errors import BadRow
from rag_reasoner_train.rows.card import Origin, Tally, card
from rag_reasoner_train.rows.line import as_line
from rag_reasoner_train.rows.pictures import with_images_in
from rag_reasoner_train.rows.prepare import Preparation, prepare
from rag_reasoner_train.rows.reading import RowFiles, stop
from rag_reasoner_train.rows.row import Row
from rag_reasoner_train.written import write_json_lines, write_text


@dataclass(frozen=True, slots=True)
class Built:
    """How many rows were written, and which were rejected."""

    rows: int
    rejected: tuple[BadRow, ...] = ()


def build_rows(origin: Origin, out: Path, split: str, wanted: Preparation, *, skip_bad: bool = False) -> Built:
    """Write `SPLIT.jsonl`, its images and `SPLIT.card.md` into `out`; with `skip_bad` also `SPLIT.rejected.jsonl`.

    Without `skip_bad` the first bad row raises BadRow, and nothing is written.
    """
    rejected: dict[str, BadRow] = {}

    def reject(bad: BadRow) -> None:
        rejected[str(bad)] = bad

    on_bad = reject if skip_bad else stop
    rows = prepare(RowFiles(origin.folders, split, on_bad), wanted)
    return write_rows(rows, origin, out, split, rejected.values() if skip_bad else None)


def write_rows(
    rows: Iterable[Row], origin: Origin, out: Path, split: str, rejected: Iterable[BadRow] | None = None
) -> Built:
    """Write rows as they come; `rejected` is looked at when all have come.

    Raises InvalidInput where `out` is a folder that they come from.
    """
    refuse_own(out, origin.folders)
    tally = Tally()
    moved = (with_images_in(row, out) for row in rows)
    count = write_json_lines(out / f"{split}.jsonl", (as_line(row, out) for row in tally(moved)))
    bad = tuple(rejected or ())
    if rejected is not None:
        write_json_lines(out / f"{split}.rejected.jsonl", map(_rejection, bad))
    write_text(out / f"{split}.card.md", card(split, tally, bad, origin))
    return Built(count, bad)


def refuse_own(out: Path, folders: Iterable[Path]) -> None:
    """Raises InvalidInput where `out` is one of `folders`: what is written would take the place of what is read."""
    if any(_same(out, folder) for folder in folders):
        raise InvalidInput(f"{out} is the folder of the rows themselves: write them into another")


def _rejection(bad: BadRow) -> dict[str, str]:
    return {"where": bad.where, "id": bad.row_id, "reason": bad.reason}


def _same(one: Path, other: Path) -> bool:
    return one.resolve() == other.resolve()
