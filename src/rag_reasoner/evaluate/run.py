"""A run: every question of a benchmark through one setting, into a folder. Killed and resumed, it is the same."""

import json
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict
from pathlib import Path

from rag_reasoner.errors import InvalidInput
from rag_reasoner.evaluate import memory
from rag_reasoner.evaluate.folder import COSTS, RECORDS, Costs
from rag_reasoner.evaluate.lines import Lines
from rag_reasoner.evaluate.record import Record, record, silent
from rag_reasoner.evaluate.row import Row
from rag_reasoner.evaluate.setting import Setting
from rag_reasoner.reranker import ReasoningReranker
from rag_reasoner.results import Result
from rag_reasoner.types import Candidate


def run(
    rows: Iterable[Row],
    setting: Setting,
    reranker: ReasoningReranker,
    folder: Path,
    done: Callable[[Record], None] = lambda _: None,
) -> None:
    """Ask every row, and put a record of each into the folder that `begin` made.

    Give the rows that are left: those the folder has no record of, in their order. Then what a killed run and its
    continuation write is what an unbroken run writes, byte for byte.
    """
    with Lines(folder / RECORDS) as lines, Lines(folder / COSTS) as costs:
        for row in rows:
            one, cost = _asked(row, setting, reranker)
            costs.append(json.dumps(asdict(cost)))
            lines.append(one.model_dump_json())
            done(one)


def _asked(row: Row, setting: Setting, reranker: ReasoningReranker) -> tuple[Record, Costs]:
    started = time.monotonic()
    candidates = setting.candidates(row)
    retrieved = time.monotonic() - started
    try:
        result = _result(row, setting, reranker, candidates)
    except InvalidInput:  # an empty question, or one longer than the model's context: it scores 0, and the run goes on
        return silent(row), Costs(row.id, {"retrieve": retrieved}, memory.peak())
    return record(row, result, setting.sources), Costs(row.id, {"retrieve": retrieved, **result.timings}, memory.peak())


def _result(row: Row, setting: Setting, reranker: ReasoningReranker, candidates: Sequence[Candidate]) -> Result:
    return (reranker.answer if setting.answers else reranker.rerank)(row.question, candidates)
