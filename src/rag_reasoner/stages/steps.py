"""The pipeline as a generator of model calls: a stage yields what it wants asked and is sent the replies.

So a stage is a deterministic function of its inputs and the replies so far, with no idea of threads, HTTP or time; the
drivers in `rag_reasoner.drive` run it, sync or async, and batch files replay it.
"""

from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from rag_reasoner.backends.base import Judged, Reply
from rag_reasoner.tasks import RelevanceTask, Task
from rag_reasoner.types import Fault, Usage

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class AskJudge:
    """P(yes) of each pair is wanted; answered by as many `Judged`."""

    stage: str
    tasks: tuple[RelevanceTask, ...]


@dataclass(frozen=True, slots=True)
class AskCompleter:
    """A reply to each task is wanted; answered by as many `Reply`."""

    stage: str
    tasks: tuple[Task, ...]


Request = AskJudge | AskCompleter
Replies = Sequence[Judged] | Sequence[Reply]
Steps = Generator[Request, Replies, T]


def judged(request: AskJudge) -> Steps[Sequence[Judged]]:
    """Ask, and give the replies with the type that they have; what is no probability is a failure."""
    replies: Sequence[Judged] = yield request  # type: ignore[assignment]
    return [_sound(reply) for reply in replies]


def _sound(reply: Judged) -> Judged:
    if reply.fault if reply.probability is None else 0 <= reply.probability <= 1:
        return reply
    fault = Fault("backend_error", f"the judge gave {reply.probability} as a probability")
    return replace(reply, probability=None, fault=fault)


def completed(request: AskCompleter) -> Steps[Sequence[Reply]]:
    """Ask, and give the replies with the type that they have."""
    return (yield request)  # type: ignore[return-value]


def metered(steps: Steps[T]) -> Steps[tuple[T, Usage]]:
    """The same steps, whose value comes with what their model calls cost."""
    usage = Usage()
    try:
        request = next(steps)
        while True:
            replies = yield request
            usage += _cost(replies)
            request = steps.send(replies)
    except StopIteration as done:
        return done.value, usage


def _cost(replies: Replies) -> Usage:
    answered = sum(1 for reply in replies if not reply.fault)
    return replace(sum((reply.usage for reply in replies), Usage()), calls=answered)


def together(many: Sequence[Steps[T]]) -> Steps[list[T]]:
    """Many pipelines in lockstep: what they ask at the same time is asked in one batch."""
    values: dict[int, T] = {}
    pending: dict[int, Request] = {}
    for place, steps in enumerate(many):
        _advance(place, steps, None, pending, values)
    while pending:
        kind = type(next(iter(pending.values())))
        asked = {place: request for place, request in pending.items() if type(request) is kind}
        replies = yield _merged(list(asked.values()))
        for place, request in asked.items():
            del pending[place]
            mine, replies = replies[: len(request.tasks)], replies[len(request.tasks) :]
            _advance(place, many[place], mine, pending, values)
    return [values[place] for place in range(len(many))]


def _advance(
    place: int, steps: Steps[T], replies: Replies | None, pending: dict[int, Request], values: dict[int, T]
) -> None:
    try:
        pending[place] = next(steps) if replies is None else steps.send(replies)
    except StopIteration as done:
        values[place] = done.value


def _merged(requests: Sequence[Request]) -> Request:
    """One request for what several of the same kind want."""
    tasks: tuple[Any, ...] = tuple(task for request in requests for task in request.tasks)
    return replace(requests[0], tasks=tasks)
