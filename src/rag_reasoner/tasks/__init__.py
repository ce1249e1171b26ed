"""What can be asked of a model. Each task knows how to ask, what a perfect reply is, and how to read a real one."""

from typing import Literal

from rag_reasoner.tasks.base import Task
from rag_reasoner.tasks.evidence import Evidence
from rag_reasoner.tasks.listwise import AnswerTask, ListwiseReply, ListwiseTask, OrderTask, RankAndAnswerTask, RankTask
from rag_reasoner.tasks.mm_r5 import MMR5Task
from rag_reasoner.tasks.relevance import RelevanceTask, Verdict
from rag_reasoner.tasks.shown import Shown, show
from rag_reasoner.tasks.statement import Statement

Format = Literal["rag_reasoner", "mm_r5"]
"""The reply formats that we know: our own tasks, or the published MM-R5 checkpoint's."""

FORMAT = 2
"""The version of all prompts and reply formats; an adapter trained for another is refused."""

__all__ = [
    "FORMAT",
    "AnswerTask",
    "Evidence",
    "Format",
    "ListwiseReply",
    "ListwiseTask",
    "MMR5Task",
    "OrderTask",
    "RankAndAnswerTask",
    "RankTask",
    "RelevanceTask",
    "Shown",
    "Statement",
    "Task",
    "Verdict",
    "show",
]
