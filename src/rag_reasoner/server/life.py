"""Whether the server takes on work, and how much it has."""

import asyncio
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from rag_reasoner.server.problems import Problem

T = TypeVar("T")


class Life:
    """Counts of one server: requests taken on, those that are being worked on, and bytes of bodies held.

    `draining`: nothing new is taken on. `over`: what is still at work must stop.
    """

    def __init__(self) -> None:
        self.draining = False
        self.over = asyncio.Event()
        self.taken = 0
        self.working = 0
        self.buffered = 0

    @contextmanager
    def takes(self) -> Iterator[None]:
        """A request is taken on, from its headers to the last byte of its reply. Raises Problem when draining."""
        if self.draining:
            raise draining()
        self.taken += 1
        try:
            yield
        finally:
            self.taken -= 1

    async def unless_over(self, work: Coroutine[Any, Any, T]) -> T:
        """What `work` returns. Raises Problem when the server must stop before."""
        task, over = asyncio.ensure_future(work), asyncio.ensure_future(self.over.wait())
        try:
            await asyncio.wait({task, over}, return_when=asyncio.FIRST_COMPLETED)
            if not task.done():
                raise draining()
            return task.result()
        finally:
            task.cancel()
            over.cancel()
            await asyncio.gather(task, over, return_exceptions=True)

    @contextmanager
    def works(self, most: int) -> Iterator[None]:
        """A request, wholly read, is worked on. Raises Problem when `most` already are."""
        if self.working >= most:
            raise Problem(503, "busy", f"{most} requests are already waiting; try again later", retry_after=2)
        self.working += 1
        try:
            yield
        finally:
            self.working -= 1


def draining() -> Problem:
    """What is said to whoever comes, or still waits, while the server shuts down."""
    return Problem(503, "draining", "the server is shutting down; ask another one", retry_after=5, close=True)
