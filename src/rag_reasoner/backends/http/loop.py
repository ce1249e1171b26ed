"""An event loop on a thread of its own: an HTTP client belongs to one loop, whoever asks, from whichever thread."""

import asyncio
import os
import threading
import weakref
from collections.abc import Callable, Coroutine
from contextvars import Context, copy_context
from functools import partial
from typing import Any, TypeVar

from rag_reasoner.errors import BackendError

T = TypeVar("T")
Farewell = Callable[[], Coroutine[Any, Any, None]]
Make = Callable[[], Coroutine[Any, Any, T]]


class _Job:
    """Work on the loop, and who is told when it has ended."""

    def __init__(self, make: Make[Any], tell: Callable[[], None]) -> None:
        self._make, self._tell = make, tell
        self.task: asyncio.Task[Any] | None = None

    def start(self) -> None:
        self.task = asyncio.get_running_loop().create_task(self._make())
        self.task.add_done_callback(lambda _: self._tell())

    def cancel(self) -> None:
        if self.task:
            self.task.cancel()

    def result(self) -> Any:
        assert self.task is not None
        return self.task.result()


class Loop:
    """Runs coroutines on its thread, which starts with the first and ends with `close`, or when nobody holds it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: asyncio.AbstractEventLoop | None = None
        self._owner, self._closed = 0, False
        self._farewells: list[Farewell] = []

    def call(self, make: Make[T]) -> T:
        """Waits for the coroutine, also inside a running event loop: it runs on another thread."""
        ended = threading.Event()
        job = self._begin(make, ended.set)
        try:
            ended.wait()
        except BaseException:
            self._soon(job.cancel)
            raise
        result: T = job.result()
        return result

    async def acall(self, make: Make[T]) -> T:
        """Awaits the coroutine. When the await is cancelled, it is over before the cancellation goes on."""
        here = asyncio.get_running_loop()
        ended = here.create_future()
        job = self._begin(make, partial(_tell, here, ended))
        try:
            await asyncio.shield(ended)
        except asyncio.CancelledError:
            self._soon(job.cancel)
            await ended
            raise
        result: T = job.result()
        return result

    def at_end(self, farewell: Farewell) -> None:
        """What is awaited on the loop before it ends. It must not hold this loop."""
        self._farewells.append(farewell)

    def close(self) -> None:
        """Cancels what runs and ends the thread."""
        with self._lock:
            self._closed = True
            if self._running is not None and self._owner == os.getpid():
                self._finalizer()
            self._running = None

    def _begin(self, make: Make[T], tell: Callable[[], None]) -> _Job:
        job = _Job(make, tell)
        self._soon(job.start, copy_context())
        return job

    def _soon(self, what: Callable[[], None], context: Context | None = None) -> None:
        with self._lock:
            self._started().call_soon_threadsafe(what, context=context)

    def _started(self) -> asyncio.AbstractEventLoop:
        if self._closed:
            raise BackendError("this backend was closed: make a new one")
        if self._running is None or self._owner != os.getpid():  # a forked child has no thread
            self._running, self._owner = asyncio.new_event_loop(), os.getpid()
            thread = threading.Thread(
                target=_serve, args=(self._running, self._farewells), name="rag-reasoner-http", daemon=True
            )
            thread.start()
            self._finalizer = weakref.finalize(self, _end, self._running, thread)
        return self._running


def _tell(loop: asyncio.AbstractEventLoop, ended: "asyncio.Future[None]") -> None:
    """Wakes who waits, unless the loop that waited is gone."""
    if not loop.is_closed():
        loop.call_soon_threadsafe(_resolve, ended)


def _resolve(ended: "asyncio.Future[None]") -> None:
    if not ended.done():
        ended.set_result(None)


def _serve(loop: asyncio.AbstractEventLoop, farewells: list[Farewell]) -> None:
    asyncio.set_event_loop(loop)
    try:
        loop.run_forever()
    finally:
        loop.run_until_complete(_emptied(farewells))
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()


async def _emptied(farewells: list[Farewell]) -> None:
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
    await asyncio.gather(*(farewell() for farewell in farewells))
    await asyncio.sleep(0)  # transports close with the next turn


def _end(loop: asyncio.AbstractEventLoop, thread: threading.Thread) -> None:
    if not loop.is_closed():
        loop.call_soon_threadsafe(loop.stop)
        if thread is not threading.current_thread():
            thread.join(5)
