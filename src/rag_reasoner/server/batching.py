"""One model, many requests: what they ask at the same time goes to the model together."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from math import inf
from typing import Any
from weakref import WeakKeyDictionary

from rag_reasoner.backends.base import Backend, Card, Gathers, Judged, OnText, Reply, Together
from rag_reasoner.backends.deadline import ends_within
from rag_reasoner.errors import BackendError
from rag_reasoner.messages import Message
from rag_reasoner.server.lane import Lane
from rag_reasoner.tasks.base import Task
from rag_reasoner.tasks.relevance import RelevanceTask
from rag_reasoner.types import Fault

Observe = Callable[[str, int], None]
"""Told the kind of each batch, "judge" or "complete", and how many tasks it has."""

_LATE = Fault("budget", "the time was up before the model had come to this")


def unobserved(kind: str, size: int) -> None:
    """Tells nobody."""


def batched(backend: Backend, observe: Observe = unobserved) -> Any:
    """`backend`, shared if it says that this helps; a remote model takes its calls side by side as it is."""
    return Batched(backend, backend.together, observe) if isinstance(backend, Gathers) else backend


@dataclass(frozen=True, slots=True)
class _Lanes:
    """The two kinds of work, which are never mixed in one batch; their batches take turns at the model."""

    judge: Lane[RelevanceTask, Judged]
    complete: Lane[Task, Reply]

    def __iter__(self) -> Iterator[Lane[Any, Any]]:
        yield from (self.judge, self.complete)


class Batched:
    """A model whose callers share its batches; it judges and completes if `backend` does, with the same results.

    `backend` runs the work where it always does: this only decides what goes together. Calls that are not awaited go
    straight to `backend`, which has a queue for them. The deadline of `backends.deadline` holds for the time in the
    queue too: what is late is a `budget` fault. `observe` is told of every batch.
    """

    def __init__(self, backend: Any, together: Together, observe: Observe = unobserved) -> None:
        self._backend, self._together, self._observe = backend, together, observe
        self._lanes: WeakKeyDictionary[asyncio.AbstractEventLoop, _Lanes] = WeakKeyDictionary()
        self._closed = False

    @property
    def card(self) -> Card:
        card: Card = self._backend.card
        return card

    @property
    def waiting(self) -> int:
        """How many tasks wait for their turn."""
        return sum(lane.waiting for lanes in list(self._lanes.values()) for lane in lanes)

    def count(self, messages: Sequence[Message]) -> int:
        """The number of tokens that `messages` take."""
        counted: int = self._backend.count(messages)
        return counted

    def judge(self, tasks: Sequence[RelevanceTask]) -> list[Judged]:
        found: list[Judged] = self._backend.judge(tasks)
        return found

    def complete(self, tasks: Sequence[Task], on_text: OnText | None = None) -> list[Reply]:
        found: list[Reply] = self._backend.complete(tasks, on_text)
        return found

    async def ajudge(self, tasks: Sequence[RelevanceTask]) -> list[Judged]:
        """P(yes) of each task. Raises BackendError once this was closed, and what the model raises for these tasks."""
        found = await self._here().judge.ask(tasks, None, ends_within(inf))
        return [Judged(None, _LATE) if one is None else one for one in found]

    async def acomplete(self, tasks: Sequence[Task], on_text: OnText | None = None) -> list[Reply]:
        """A reply to each task. Raises as `ajudge` does."""
        found = await self._here().complete.ask(tasks, on_text, ends_within(inf))
        return [Reply(None, _LATE) if one is None else one for one in found]

    async def aclose(self) -> None:
        """Takes nothing new, and waits for what was asked in this event loop."""
        self._closed = True
        for lane in self._lanes.get(asyncio.get_running_loop(), ()):
            await lane.drained()

    def _here(self) -> _Lanes:
        """The queues of the running event loop: futures belong to one."""
        if self._closed:
            raise BackendError("this model was closed: make a new backend")
        loop = asyncio.get_running_loop()
        if loop not in self._lanes:
            self._lanes[loop] = self._opened()
        return self._lanes[loop]

    def _opened(self) -> _Lanes:
        backend, together = self._backend, self._together
        return _Lanes(
            Lane(lambda tasks, _: backend.ajudge(tasks), together.judgements, partial(self._observe, "judge")),
            Lane(lambda *asked: backend.acomplete(*asked), together.replies, partial(self._observe, "complete")),
        )
