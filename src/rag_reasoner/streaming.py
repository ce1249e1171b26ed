"""A run as a stream of events that ends with its value."""

import asyncio
import queue
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import TypeVar

from rag_reasoner.drive import Emit, Event, StepDone, TextDelta

T = TypeVar("T")


def streamed(work: Callable[[Emit], T]) -> Iterator[Event | T]:
    """What `work` emits, as it does, and then what it returns. It runs in a thread of its own."""
    events: queue.Queue[tuple[Event | T | None, BaseException | None]] = queue.Queue()

    def run() -> None:
        try:
            events.put((work(lambda event: events.put((event, None))), None))
        except BaseException as error:  # noqa: BLE001 - raised again in the caller's thread
            events.put((None, error))

    threading.Thread(target=run, daemon=True).start()
    while True:
        event, error = events.get()
        if error is not None:
            raise error
        yield event  # type: ignore[misc]
        if not isinstance(event, StepDone | TextDelta):
            return


async def astreamed(work: Callable[[Emit], Awaitable[T]]) -> AsyncIterator[Event | T]:
    """The same, awaited: events may be emitted from any thread; a consumer that leaves cancels the work."""
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


def _put(loop: asyncio.AbstractEventLoop, events: "asyncio.Queue[Event | None]", event: Event) -> None:
    loop.call_soon_threadsafe(events.put_nowait, event)
