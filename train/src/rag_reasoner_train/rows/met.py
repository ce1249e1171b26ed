"""What a judge made of each candidate when it met it in training: before it had learned from it, and for nothing.

A run that tells candidates apart notes it; where each row is met once, it says how the judge orders rows that it has
not seen. The list-wise stage can be taught on such orders without judging anything again.
"""

import json
from collections.abc import Iterable, Mapping
from itertools import chain, zip_longest
from pathlib import Path

from rag_reasoner.errors import InvalidInput
from rag_reasoner.evaluate.lines import whole_lines
from rag_reasoner_train.rows.abstention import SUFFIX
from rag_reasoner_train.rows.filtered import Kept
from rag_reasoner_train.rows.row import Row


def candidate_key(row_id: str, document_id: str) -> str:
    """What names a candidate of a row; the row's unanswerable twin has the same candidates."""
    return f"{row_id.removesuffix(SUFFIX)}/relevance/{document_id}"


def note_met(out: Path, process: int, margins: Mapping[str, float]) -> None:
    """Append a step's margins, by candidate_key, to this process's file in the run's folder."""
    if margins:
        with (out / f"met.{process}.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(dict(margins), ensure_ascii=False) + "\n")


def read_met(*runs: Path) -> dict[str, float]:
    """All margins that the runs in these folders noted; of a candidate met again the first, the processes of a run
    taken line by line together.

    Raises InvalidInput where there is none in a folder.
    """
    met: dict[str, float] = {}
    for run in runs:
        noted = sorted(run.glob("met.*.jsonl"))
        if not noted:
            raise InvalidInput(f"{run} has no met.*.jsonl: give the folder of a run that told candidates apart")
        together = zip_longest(*map(whole_lines, noted), fillvalue="{}")
        for line in chain.from_iterable(together):
            for candidate, margin in json.loads(line).items():
                met.setdefault(candidate, margin)
    return met


def kept_as_met(rows: Iterable[Row], met: Mapping[str, float], most: int | None = None) -> Kept:
    """The best `most` candidates of each row that was met as a whole, best first."""
    kept: dict[str, tuple[str, ...]] = {}
    for row in rows:
        margins = {one.id: met.get(candidate_key(row.id, one.id)) for one in row.candidates}
        known = {id: margin for id, margin in margins.items() if margin is not None}
        if len(known) == len(margins):
            kept[row.id] = tuple(sorted(known, key=lambda id: -known[id])[:most])
    return kept
