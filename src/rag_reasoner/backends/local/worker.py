"""One thread and a queue: all work of one model, whoever asks for it, from whichever thread or event loop."""

import asyncio
from collections.abc import Callable
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from threading import Event
from typing import TypeVar

from rag_reasoner.errors import BackendError

Result = TypeVar("Result")


class Stop:
    """Tells work that nobody waits for it any more."""

    def __init__(self) -> None:
        self._event = Event()

    def set(self) -> None:
        self._event.set()

    def is_set(self) -> bool:
        return self._event.is_set()

    def check(self) -> None:
        """Ends the work if nobody waits for it."""
        if self._event.is_set():
            raise CancelledError


Work = Callable[[Stop], Result]


class Worker:
    """Runs work one by one, in the order in which it came."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="rag-reasoner-model")

    def call(self, work: Work[Result]) -> Result:
        """Waits for `work`, also inside a running event loop: nothing here needs one."""
        stop = Stop()
        try:
            return self._submit(work, stop).result()
        except BaseException:
            stop.set()
            raise

    async def acall(self, work: Work[Result]) -> Result:
        """Awaits `work`. If the await is cancelled, this work ends soon, and other work goes on."""
        stop = Stop()
        try:
            return await asyncio.wrap_future(self._submit(work, stop))
        except BaseException:
            stop.set()
            raise

    def close(self) -> None:
        """Drops what has not begun and waits for what has."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _submit(self, work: Work[Result], stop: Stop) -> "Future[Result]":
        try:
            return self._pool.submit(work, stop)
        except RuntimeError as error:
            raise BackendError("this model was closed: make a new backend") from error
