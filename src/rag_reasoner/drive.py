"""Drivers: they ask the models what the pipeline wants to know. Time, budgets and failures are handled here only."""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from math import inf
from typing import Any, TypeVar

from rag_reasoner.backends.base import Completer, Judge, Judged, OnText, Reply
from rag_reasoner.backends.deadline import until
from rag_reasoner.errors import BackendError, InvalidInput
from rag_reasoner.stages.steps import AskCompleter, AskJudge, Replies, Request, Steps
from rag_reasoner.types import Fault

T = TypeVar("T")

_BATCH = 8
"""Judgements between two looks at the budget."""


@dataclass(frozen=True, slots=True)
class StepDone:
    """A batch of model calls has ended: how many tasks of which stage, in how many seconds."""

    stage: str
    tasks: int
    seconds: float


@dataclass(frozen=True, slots=True)
class TextDelta:
    """The next piece of a reply that a model is writing: for the eye; what counts is in the result."""

    stage: str
    text: str


Event = StepDone | TextDelta
Emit = Callable[[Event], None]


def silent(event: Event) -> None:
    """Tells nobody."""


Watch = Callable[[str, int, str], AbstractContextManager[Callable[[Replies], Any]]]
"""Looks on while a model is asked: given the stage, the number of tasks and the model's name, told the replies."""


def unwatched(stage: str, tasks: int, model: str) -> AbstractContextManager[Callable[[Replies], Any]]:
    """Looks away."""
    return nullcontext(len)


@dataclass(frozen=True, slots=True)
class Budget:
    """When to stop early: seconds of wall clock, or tokens read and written. None is no limit."""

    seconds: float | None = None
    tokens: int | None = None

    def __post_init__(self) -> None:
        for name, value in (("seconds", self.seconds), ("tokens", self.tokens)):
            if value is not None and not value >= 0:
                raise InvalidInput(f"{name}={value!r}: give a number from 0 up, or None for no limit")

    @property
    def limited(self) -> bool:
        return self.seconds is not None or self.tokens is not None


@dataclass(slots=True)
class Run:
    """One run of a pipeline: its models, its budget, and what it has taken so far (seconds by stage, and tokens)."""

    judge: Judge | None
    completer: Completer | None
    budget: Budget = field(default_factory=Budget)
    emit: Emit = silent
    raise_errors: bool = False
    watch: Watch = unwatched
    timings: dict[str, float] = field(default_factory=dict)
    tokens: int = 0
    started: float = field(default_factory=time.monotonic)

    @property
    def spent(self) -> bool:
        seconds, tokens = self.budget.seconds, self.budget.tokens
        late = seconds is not None and time.monotonic() - self.started >= seconds
        return late or (tokens is not None and self.tokens >= tokens)

    @property
    def ends(self) -> float:
        """The moment, of `time.monotonic`, beyond which no model is waited for that knows how not to wait."""
        return self.started + (inf if self.budget.seconds is None else self.budget.seconds)

    def batches(self, request: Request) -> Iterator[Request]:
        """The request in pieces, if there is a budget to look at between them."""
        if isinstance(request, AskCompleter) or not self.budget.limited:
            yield request
            return
        for start in range(0, len(request.tasks), _BATCH):
            yield AskJudge(request.stage, request.tasks[start : start + _BATCH])

    def on_text(self, stage: str) -> OnText | None:
        """Streams the replies' text to whoever listens. With several replies at once, the first one's."""
        if self.emit is silent:
            return None
        return lambda place, text: self.emit(TextDelta(stage, text)) if place == 0 else None

    def watching(self, request: Request) -> AbstractContextManager[Callable[[Replies], Any]]:
        """Around one call of a model."""
        model = self.judge if isinstance(request, AskJudge) else self.completer
        return self.watch(request.stage, len(request.tasks), model.card.name if model else "none")

    def note(self, request: Request, replies: Replies, seconds: float) -> None:
        """Adds a batch to the account and tells who listens."""
        self.timings[request.stage] = self.timings.get(request.stage, 0.0) + seconds
        self.tokens += sum(reply.usage.tokens for reply in replies)
        self.emit(StepDone(request.stage, len(request.tasks), seconds))

    def checked(self, request: Request, replies: Replies) -> Replies:
        """The replies, if there is one for each task: with fewer or more, nobody knows which is whose."""
        if len(replies) != len(request.tasks):
            given = f"the model gave {len(replies)} replies to {len(request.tasks)} tasks"
            return self.failure(request, BackendError(given))
        for reply in replies:
            if self.raise_errors and reply.fault and reply.fault.kind == "backend_error":
                raise BackendError(reply.fault.detail)
        return replies

    def failure(self, request: Request, error: BackendError) -> Replies:
        """A backend that fails as a whole costs the batch, not the run, unless errors are to be raised."""
        if self.raise_errors:
            raise error
        return _failed(request, Fault("backend_error", str(error)))

    @property
    def the_judge(self) -> Judge:
        if self.judge is None:
            raise BackendError("the pipeline wants pairs judged, but no judge was given")
        return self.judge

    @property
    def the_completer(self) -> Completer:
        if self.completer is None:
            raise BackendError("the pipeline wants replies, but no completer was given")
        return self.completer


def _failed(request: Request, fault: Fault) -> list[Judged] | list[Reply]:
    if isinstance(request, AskJudge):
        return [Judged(None, fault) for _ in request.tasks]
    return [Reply(None, fault) for _ in request.tasks]


_SPENT = Fault("budget", "the budget was used up before this was asked")


def run(steps: Steps[T], this: Run) -> T:
    """Run the pipeline to its end, in the caller's thread."""
    plan = _measured(steps, this)
    try:
        request = next(plan)
        while True:
            request = plan.send(_ask(request, this))
    except StopIteration as done:
        value: T = done.value
        return value


async def arun(steps: Steps[T], this: Run) -> T:
    """The same, awaiting the models."""
    plan = _measured(steps, this)
    try:
        request = next(plan)
        while True:
            request = plan.send(await _aask(request, this))
    except StopIteration as done:
        value: T = done.value
        return value


def _measured(steps: Steps[T], this: Run) -> Steps[T]:
    """The same pipeline, in batches that fit the budget, each measured; what the budget does not allow is refused."""
    try:
        request = next(steps)
        while True:
            replies = yield from _gathered(request, this)
            request = steps.send(replies)
    except StopIteration as done:
        value: T = done.value
        return value


def _gathered(request: Request, this: Run) -> Steps[Replies]:
    gathered: list[Any] = []
    for batch in this.batches(request):
        if this.spent:
            gathered += _failed(batch, _SPENT)
            continue
        started = time.monotonic()
        replies = this.checked(batch, (yield batch))
        this.note(batch, replies, time.monotonic() - started)
        gathered += replies
    return gathered


def _ask(request: Request, this: Run) -> Replies:
    with this.watching(request) as told:
        told(replies := _asked(request, this))
        return replies


async def _aask(request: Request, this: Run) -> Replies:
    with this.watching(request) as told:
        told(replies := await _aasked(request, this))
        return replies


def _asked(request: Request, this: Run) -> Replies:
    try:
        with until(this.ends):
            if isinstance(request, AskJudge):
                return this.the_judge.judge(request.tasks)
            return this.the_completer.complete(request.tasks, this.on_text(request.stage))
    except BackendError as error:
        return this.failure(request, error)


async def _aasked(request: Request, this: Run) -> Replies:
    try:
        with until(this.ends):
            if isinstance(request, AskJudge):
                return await this.the_judge.ajudge(request.tasks)
            return await this.the_completer.acomplete(request.tasks, this.on_text(request.stage))
    except BackendError as error:
        return this.failure(request, error)
