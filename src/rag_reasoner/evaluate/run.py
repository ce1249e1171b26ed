"""A run: every question of a benchmark through one setting, into a folder. Killed and resumed, it is the same."""

import json
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict
from pathlib import Path

from rag_reasoner.errors import InvalidInput
from rag_reasoner.evaluate import memory
from rag_reasoner.evaluate.folder import COSTS, RECORDS, Costs, Header, begin, records
from rag_reasoner.evaluate.lines import Lines
from rag_reasoner.evaluate.record import Record, record, silent
from rag_reasoner.evaluate.row import Row
from rag_reasoner.evaluate.setting import Setting
from rag_reasoner.reranker import ReasoningReranker
from rag_reasoner.results import Result
from rag_reasoner.types import Candidate

Make = Callable[[], ReasoningReranker]


def run(
    rows: Iterable[Row],
    setting: Setting,
    make: Make,
    folder: Path,
    head: Header,
    done: Callable[[Record], None] = lambda _: None,
) -> list[Record]:
    """Ask every row that the folder has no record of yet, and give all records in the rows' order.

    `make` makes the reranker; it is called only where there is something to ask. Raises InvalidInput where the folder
    holds a run of something else.
    """
    begin(folder, head)
    before = {one.id: one for one in records(folder)}
    reranker: ReasoningReranker | None = None
    found: list[Record] = []
    with Lines(folder / RECORDS) as lines, Lines(folder / COSTS) as costs:
        for row in rows:
            one = before.get(row.id)
            if one is None:
                reranker = reranker or make()
                one, cost = _asked(row, setting, reranker)
                costs.append(json.dumps(asdict(cost)))
                lines.append(one.model_dump_json())
            found.append(one)
            done(one)
    return found


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
