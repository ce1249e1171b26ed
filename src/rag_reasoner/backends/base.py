"""What a backend is: something that judges pairs, completes tasks, or does both.

Both protocols are batched, keep the order of what they are given, and let one failing item cost one item: its reply has
a fault in place of its text or probability. They raise only for what is wrong with the whole call.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from rag_reasoner.messages import Message
from rag_reasoner.models.among import NOTHING, Among
from rag_reasoner.models.answerable import Answerable
from rag_reasoner.models.lists import Lists
from rag_reasoner.tasks import Format
from rag_reasoner.tasks.base import Task
from rag_reasoner.tasks.relevance import RelevanceTask
from rag_reasoner.types import Fault, Usage

OnText = Callable[[int, str], None]
"""Called with a task's place in the batch and the next piece of its reply, as it is written."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What a model wrote, or the fault that kept it from writing. `truncated`: it was stopped by its token limit."""

    text: str | None
    fault: Fault | None = None
    usage: Usage = Usage()
    truncated: bool = False


@dataclass(frozen=True, slots=True)
class Judged:
    """P(relevant), 0..1, or the fault that kept the model from judging."""

    probability: float | None
    fault: Fault | None = None
    usage: Usage = Usage()


DROP_BELOW = 0.1
"""What a model is taken to mean by clearly irrelevant where its card does not say."""


@dataclass(frozen=True, slots=True)
class Card:
    """What the stages must know of a model. `context` is in tokens, prompt and reply together.

    `trained`: it was trained for our tasks, so that its reasons and answers are worth showing. `calibrated`: its
    probabilities mean what they say, so that thresholds on them are allowed. `scores_only`: what it gives for
    probabilities are scores, of which only the order means something. `judges_only`: it learned to judge documents one
    by one, and nothing about lists. `among`: what a question's candidates tell of each other, added to the log-odds of
    each; the calibration was fitted with it. `drop_below`: what is less likely to be relevant than
    this is clearly irrelevant, not merely doubtful. `answerable`: how likely it is that any document says what is
    asked; without it, as likely as the best document is relevant. `abstain_below`: where that is less likely than this,
    the documents do not say. `lists`: None where lists of any size may be shown.
    """

    name: str
    context: int
    format: Format = "rag_reasoner"
    trained: bool = True
    calibrated: bool = False
    reads_images: bool = False
    scores_only: bool = False
    judges_only: bool = False
    among: Among = NOTHING
    drop_below: float = DROP_BELOW
    answerable: Answerable | None = None
    abstain_below: float = 0.0
    lists: Lists | None = None


@dataclass(frozen=True, slots=True)
class Together:
    """How many tasks of different callers are best put into one call: enough to fill the machine, and no more, as all
    callers of a batch wait for its end.
    """

    judgements: int
    replies: int


@runtime_checkable
class Gathers(Protocol):
    """A backend that is asked one call at a time, so that callers who come together had better be put together."""

    @property
    def together(self) -> Together: ...


@runtime_checkable
class Judge(Protocol):
    """Judges (query, candidate) pairs: P(yes) of each."""

    @property
    def card(self) -> Card: ...

    def count(self, messages: Sequence[Message]) -> int:
        """The number of tokens that `messages` take in this model, images included."""

    def judge(self, tasks: Sequence[RelevanceTask]) -> list[Judged]: ...

    async def ajudge(self, tasks: Sequence[RelevanceTask]) -> list[Judged]: ...


@runtime_checkable
class Completer(Protocol):
    """Writes replies to tasks."""

    @property
    def card(self) -> Card: ...

    def count(self, messages: Sequence[Message]) -> int:
        """The number of tokens that `messages` take in this model, images included."""

    def complete(self, tasks: Sequence[Task], on_text: OnText | None = None) -> list[Reply]: ...

    async def acomplete(self, tasks: Sequence[Task], on_text: OnText | None = None) -> list[Reply]: ...


Backend = Judge | Completer
