"""Rows as a coarse filter leaves them: what the list-wise stage is shown, in the order in which it is shown it.

A list-wise model that learns on lists in a random order meets other lists than it will be asked about. Here a judge
goes first, as in the pipeline: it drops what is clearly irrelevant, and the rest stands in the order of P(relevant).
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from random import Random

from rag_reasoner.errors import InvalidInput
from rag_reasoner.evaluate.lines import Lines, whole_lines
from rag_reasoner.reranker import ReasoningReranker
from rag_reasoner.types import Candidate
from rag_reasoner_train.rows.abstention import unanswerable
from rag_reasoner_train.rows.row import Row

Kept = Mapping[str, tuple[str, ...]]
"""By the id of a row: the ids of the documents that the filter left, best first."""


def kept_file(folder: Path, split: str) -> Path:
    """Where it is noted what the filter left of each row of a split."""
    return folder / f"{split}.kept.jsonl"


def judge_rows(
    rows: Iterable[Row],
    reranker: ReasoningReranker,
    judge: str,
    path: Path,
    done: Callable[[Row], None] = lambda _: None,
) -> Kept:
    """Ask the judge about each row that `path` does not know yet, and note there what it left.

    `judge` is what names the judge and its settings; InvalidInput where `path` is another one's.
    """
    kept = dict(_noted(path, judge))
    with Lines(path) as lines:
        if not path.stat().st_size:
            lines.append(json.dumps({"judge": judge}))
        for row in rows:
            if row.id not in kept:
                kept[row.id] = _left(row, reranker)
                lines.append(json.dumps({"id": row.id, "kept": kept[row.id]}, ensure_ascii=False))
            done(row)
    return kept


def filtered(rows: Iterable[Row], kept: Kept) -> Iterator[Row]:
    """The rows with what was left of them. One whose relevant documents were all dropped becomes unanswerable."""
    for row in rows:
        by_id = {one.id: one for one in row.candidates}
        left = tuple(by_id[one] for one in kept[row.id])
        relevant = {one.id: row.relevant[one.id] for one in left if one.id in row.relevant}
        narrowed = replace(row, candidates=left, relevant=relevant)
        found = narrowed if relevant or not row.answerable else replace(unanswerable(narrowed), id=row.id)
        if found.candidates:
            yield found


def half_to_correct(rows: Sequence[Row], seed: int) -> list[Row]:
    """As many lists whose first document is relevant as ones where another is: what merely copies the order is wrong in
    half of them then. Lists that say nothing stay.
    """
    right = {row.id for row in rows if row.candidates[0].id in row.relevant}
    wrong = {row.id for row in rows if row.answerable} - right
    fewer, more = sorted((right, wrong), key=len)
    spare = frozenset(Random(f"{seed}/correct").sample(sorted(more), len(more) - len(fewer)))
    return [row for row in rows if row.id not in spare]


def _left(row: Row, reranker: ReasoningReranker) -> tuple[str, ...]:
    result = reranker.rerank(row.question, [Candidate(one) for one in row.candidates])
    return tuple(one.candidate.document.id for one in result.ranked)


def _noted(path: Path, judge: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    lines = map(json.loads, whole_lines(path))
    head = next(lines, None)
    if head is not None and head != {"judge": judge}:
        raise InvalidInput(f"{path} is what another judge left ({head.get('judge')}, not {judge}): give another --out")
    return ((line["id"], tuple(line["kept"])) for line in lines)
