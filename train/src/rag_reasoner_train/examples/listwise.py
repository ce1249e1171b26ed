"""List-wise examples: all candidates of a row in an order, with the reply that says of each what its chain says."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from random import Random
from typing import Literal

from rag_reasoner.rewards import Truth
from rag_reasoner.tasks import AnswerTask, ListwiseTask, RankAndAnswerTask, RankTask
from rag_reasoner.types import Document
from rag_reasoner_train.chains.chain import Chain
from rag_reasoner_train.chains.reply import reply_of
from rag_reasoner_train.examples.example import Example
from rag_reasoner_train.examples.view import WHOLE, View, shown
from rag_reasoner_train.rows.row import Row

TaskName = Literal["rank", "rank_and_answer", "answer"]
Order = Literal["shuffled", "given"]

TASKS: Mapping[TaskName, type[ListwiseTask]] = {
    "rank": RankTask,
    "rank_and_answer": RankAndAnswerTask,
    "answer": AnswerTask,
}
"""The list-wise tasks by the names that a configuration uses."""


def listwise_examples(
    rows: Iterable[Row],
    chains: Mapping[str, Chain] | None = None,
    *,
    tasks: Sequence[TaskName] = ("rank", "rank_and_answer"),
    order: Order = "shuffled",
    shuffles: int = 1,
    one_task: bool = False,
    view: View = WHOLE,
    seed: int = 0,
) -> Iterator[Example]:
    """Each row in `shuffles` orders, with each of the `tasks`. A row without a chain has no target.

    Where its chain does not carry the answer for certain, a row teaches no answer: only "rank" is made of it. With
    `one_task` each row is asked but one of the tasks that suit it, by lot.
    """
    for row in rows:
        chain = (chains or {}).get(row.id)
        for number in range(shuffles):
            documents = _ordered(row, order, number, seed)
            suited = [name for name in tasks if chain is None or chain.certain or not TASKS[name].gives_answer]
            for name in _drawn(suited, f"{seed}/{row.id}/{number}/task") if one_task else suited:
                yield _example(row, documents, chain, name, number, view)


def _drawn(names: Sequence[TaskName], seed: str) -> Sequence[TaskName]:
    return [Random(seed).choice(names)] if names else []


def _ordered(row: Row, order: Order, number: int, seed: int) -> tuple[Document, ...]:
    if order == "given":
        return row.candidates
    return tuple(Random(f"{seed}/{row.id}/{number}").sample(row.candidates, len(row.candidates)))


def _example(
    row: Row, documents: tuple[Document, ...], chain: Chain | None, name: TaskName, number: int, view: View
) -> Example:
    ids = [document.id for document in documents]
    truth = Truth({place: row.relevant[one] for place, one in enumerate(ids) if one in row.relevant}, row.answers)
    task = TASKS[name](row.question, tuple(shown(row, document, chain, view) for document in documents))
    target = task.render(reply_of(ids, row.relevant, chain)) if chain else None
    return Example(f"{row.id}/{name}/{number}", row.id, task, truth, target)
