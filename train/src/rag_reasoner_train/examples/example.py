"""One thing to learn: a task, its perfect reply, and the truth that its rewards need."""

from dataclasses import dataclass

from rag_reasoner.rewards import Truth
from rag_reasoner.tasks import ListwiseTask, RelevanceTask


@dataclass(frozen=True, slots=True)
class Example:
    """A task with what is known about it.

    `id` is the row's id, the kind of task, and the number of the shuffle (or the candidate's id); `group` the row's id:
    examples of one group belong to one question. `target` is the perfect reply as the task renders it, None where
    there is no chain to render. `relevant` is the label of a RelevanceTask's document, None for list-wise tasks.
    """

    id: str
    group: str
    task: RelevanceTask | ListwiseTask
    truth: Truth
    target: str | None = None
    relevant: bool | None = None
