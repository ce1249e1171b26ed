"""A run as a stream of events that ends with its value."""

import asyncio
import queue
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextvars import copy_context
from typing import TypeVar

from rag_reasoner.drive import Emit, Event, StepDone, TextDelta

T = TypeVar("T")


class _Left(Exception):
    """Raised in the run's thread, by what it emits, when nobody listens any more."""


def streamed(work: Callable[[Emit], T]) -> Iterator[Event | T]:
    """What `work` emits, as it does, and then what it returns.

    It runs in a thread of its own, in the consumer's context; it ends with its next event when the consumer leaves.
    """
    events: queue.Queue[tuple[Event | T | None, BaseException | None]] = queue.Queue()
    left = threading.Event()

    def emit(event: Event) -> None:
        if left.is_set():
            raise _Left
        events.put((event, None))

    def run() -> None:
        try:
            events.put((work(emit), None))
        except BaseException as error:  # noqa: BLE001 - raised again in the caller's thread
            events.put((None, error))

    threading.Thread(target=copy_context().run, args=(run,), daemon=True, name="rag-reasoner-stream").start()
    try:
        while True:
            event, error = events.get()
            if error is not None:
                raise error
            yield event  # type: ignore[misc]
            if not isinstance(event, StepDone | TextDelta):
                return
    finally:
        left.set()


async def astreamed(work: Callable[[Emit], Awaitable[T]]) -> AsyncIterator[Event | T]:
    """The same, awaited: events may be emitted from any thread. A consumer that leaves cancels the work, and waits."""
    events: asyncio.Queue[Event | None] = asyncio.Queue()
    loop = asyncio.get_running_loop()
    task = asyncio.ensure_future(work(lambda event: _put(loop, events, event)))
    task.add_done_callback(lambda _: events.put_nowait(None))
    try:
        while (event := await events.get()) is not None:
            yield event
        yield task.result()
    finally:
        task.cancel()
        await asyncio.wait([task])


def _put(loop: asyncio.AbstractEventLoop, events: "asyncio.Queue[Event | None]", event: Event) -> None:
    loop.call_soon_threadsafe(events.put_nowait, event)
