"""Tasks of many callers, run a few at a time by one model: the callers take turns, and none pays for another."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextvars import Context
from dataclasses import dataclass, field
from math import inf
from time import monotonic
from typing import Generic, TypeVar

from rag_reasoner.backends.base import OnText
from rag_reasoner.backends.local.told import Told
from rag_reasoner.errors import BackendError

Task = TypeVar("Task")
Outcome = TypeVar("Outcome")

Run = Callable[[Sequence[Task], OnText | None], Awaitable[Sequence[Outcome]]]
"""Asks the model: an outcome for each task, in their order."""


@dataclass(slots=True, eq=False)
class _Call(Generic[Task, Outcome]):
    """One caller's tasks: the places whose turn has yet to come, and what has come of the others."""

    tasks: Sequence[Task]
    told: Told | None
    done: "asyncio.Future[None]"
    waiting: deque[int]
    outcomes: dict[int, Outcome] = field(default_factory=dict)
    gone: bool = False

    def hear(self, place: int, text: str) -> None:
        """A reply so far. Where it had to be begun anew, what was told before is not told again."""
        if self.told and not self.gone:
            self.told(place, text)

    def settle(self, place: int, outcome: Outcome) -> None:
        self.outcomes[place] = outcome
        if len(self.outcomes) == len(self.tasks) and not self.done.done():
            self.done.set_result(None)

    def fail(self, error: Exception) -> None:
        if not self.gone and not self.done.done():
            self.done.set_exception(error)


@dataclass(frozen=True, slots=True)
class _Turn(Generic[Task, Outcome]):
    """One task of a call."""

    call: _Call[Task, Outcome]
    place: int

    @property
    def task(self) -> Task:
        return self.call.tasks[self.place]


_Batch = Sequence[_Turn[Task, Outcome]]


class Lane(Generic[Task, Outcome]):
    """A queue for one kind of work, at home in one event loop. `most` tasks are run at once.

    Whoever is cancelled, or out of time, takes its tasks along; a batch in which nobody waits any more is cancelled. A
    batch that fails is asked again caller by caller, so that only those fail whose own tasks do.
    `observe` is told the size of each batch.
    """

    def __init__(self, run: Run[Task, Outcome], most: int, observe: Callable[[int], None]) -> None:
        self._run, self._most, self._observe = run, most, observe
        self._queue: deque[_Call[Task, Outcome]] = deque()
        self._runner: asyncio.Task[None] | None = None
        self._asking: tuple[asyncio.Future[Sequence[Outcome]], _Batch[Task, Outcome]] | None = None
        self.waiting = 0

    async def ask(self, tasks: Sequence[Task], on_text: OnText | None, ends: float) -> list[Outcome | None]:
        """The outcome of each task; None for those whose turn had not come, or not ended, at `ends`."""
        told = Told(on_text) if on_text else None
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        call = _Call[Task, Outcome](tasks, told, done, deque(range(len(tasks))))
        if tasks:
            self._enter(call)
            try:
                await asyncio.wait([done], timeout=None if ends == inf else max(ends - monotonic(), 0))
            finally:
                self._leave(call)
        if done.done():
            done.result()
        return [call.outcomes.get(place) for place in range(len(tasks))]

    async def drained(self) -> None:
        """Waits for what is in the queue."""
        while self._runner and not self._runner.done():
            await asyncio.wait([self._runner])

    def _enter(self, call: _Call[Task, Outcome]) -> None:
        self._queue.append(call)
        self.waiting += len(call.waiting)
        if self._runner is None or self._runner.done():
            # In a context of its own: a batch belongs to nobody's deadline and to nobody's span.
            self._runner = asyncio.get_running_loop().create_task(self._work(), context=Context())

    def _leave(self, call: _Call[Task, Outcome]) -> None:
        call.gone = True
        self.waiting -= len(call.waiting)
        call.waiting.clear()
        if call.done.done():
            call.done.exception()  # retrieved, even where nobody stays to hear it
        if call in self._queue:
            self._queue.remove(call)
        if self._asking and all(turn.call.gone for turn in self._asking[1]):
            self._asking[0].cancel()

    async def _work(self) -> None:
        """Serves batch after batch until nobody waits. Where the loop ends before, the callers are told."""
        batch: _Batch[Task, Outcome] = ()
        try:
            while batch := self._turns():
                await self._serve(batch)
        finally:
            for call in [*(turn.call for turn in batch), *self._queue]:
                call.fail(BackendError("the model was stopped before it could answer: ask again"))

    def _turns(self) -> list[_Turn[Task, Outcome]]:
        """The next batch: one task of each caller in turn, and again, while there is room."""
        batch: list[_Turn[Task, Outcome]] = []
        while self._queue and len(batch) < self._most:
            call = self._queue.popleft()
            batch.append(_Turn(call, call.waiting.popleft()))
            self.waiting -= 1
            if call.waiting:
                self._queue.append(call)
        return batch

    async def _serve(self, batch: _Batch[Task, Outcome]) -> None:
        try:
            await self._asked(batch)
        except Exception as error:  # noqa: BLE001 - handed on to the callers that it belongs to
            await self._apart(batch, error)

    async def _apart(self, batch: _Batch[Task, Outcome], error: Exception) -> None:
        """A batch that failed, caller by caller; a single caller's has failed for good."""
        calls = dict.fromkeys(turn.call for turn in batch)
        for call in calls:
            mine = [turn for turn in batch if turn.call is call]
            try:
                if len(calls) == 1:
                    raise error
                if not call.gone:
                    await self._asked(mine)
            except Exception as own:  # noqa: BLE001 - handed on to its caller
                call.fail(own)

    async def _asked(self, batch: _Batch[Task, Outcome]) -> None:
        """Asks the model and hands out what it gives. Raises what the model raises."""
        self._observe(len(batch))
        asking = asyncio.ensure_future(self._run([turn.task for turn in batch], _relayed(batch)))
        self._asking = (asking, batch)
        try:
            await asyncio.wait([asking])
        finally:
            self._asking = None
            asking.cancel()
        for turn, outcome in zip(batch, _one_each(asking, len(batch)), strict=True):
            turn.call.settle(turn.place, outcome)


def _one_each(asked: "asyncio.Future[Sequence[Outcome]]", count: int) -> Sequence[Outcome]:
    """What the model gave. Raises BackendError where it was stopped, or gave fewer or more than it was asked for."""
    if asked.cancelled():
        raise BackendError("the model was stopped before it could answer: ask again")
    outcomes = asked.result()
    if len(outcomes) != count:
        raise BackendError(f"the model gave {len(outcomes)} replies to {count} tasks")
    return outcomes


def _relayed(batch: _Batch[Task, Outcome]) -> OnText | None:
    """Takes the pieces of a batch's replies to their callers, if any of them listens."""
    if not any(turn.call.told for turn in batch):
        return None
    so_far = [""] * len(batch)

    def tell(row: int, piece: str) -> None:
        so_far[row] += piece
        batch[row].call.hear(batch[row].place, so_far[row])

    return tell
