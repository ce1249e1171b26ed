"""A reranker on a thread and event loop of its own, so that no work of a model ever keeps a connection waiting."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable
from contextlib import aclosing
from typing import Any, TypeVar

from rag_reasoner.candidates import CandidateLike
from rag_reasoner.drive import Emit, Event
from rag_reasoner.reranker import ReasoningReranker
from rag_reasoner.results import Result
from rag_reasoner.streaming import astreamed

T = TypeVar("T")

Ran = Callable[[Result], object]
"""Told of every run that has ended."""

_END_SECONDS = 5.0


class Engine:
    """The asynchronous face of a reranker, for the server's event loop; the work is done elsewhere.

    A caller that is cancelled cancels its work. Clients of model servers belong to one event loop: this one.
    """

    def __init__(self, reranker: ReasoningReranker, ran: Ran = id) -> None:
        self._reranker, self._ran = reranker, ran
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    @property
    def model_name(self) -> str:
        return self._reranker.model_name

    @property
    def reads_images(self) -> bool:
        return self._reranker.reads_images

    async def arerank(self, query: str, candidates: Iterable[CandidateLike], *, top_n: int | None = None) -> Result:
        return self._told(await self._there(self._reranker.arerank(query, candidates, top_n=top_n)))

    async def aanswer(self, query: str, candidates: Iterable[CandidateLike], *, top_n: int | None = None) -> Result:
        return self._told(await self._there(self._reranker.aanswer(query, candidates, top_n=top_n)))

    def astream(
        self, query: str, candidates: Iterable[CandidateLike], *, answer: bool = True, top_n: int | None = None
    ) -> AsyncIterator[Event | Result]:
        """Events while the models work, and the Result as the last. Leaving the loop early cancels the run."""

        async def relayed(emit: Emit) -> Result:
            events = self._reranker.astream(query, candidates, answer=answer, top_n=top_n)
            async with aclosing(events):  # type: ignore[type-var]
                async for event in events:
                    if isinstance(event, Result):
                        return self._told(event)
                    emit(event)
            raise AssertionError("a stream ends with its result")

        return astreamed(lambda emit: self._there(relayed(emit)))

    async def aclose(self) -> None:
        """End what still runs, then the thread; one that does not end in time ends with the process."""
        loop, thread = self._loop, self._thread
        self._loop = self._thread = None
        if loop is None or thread is None:
            return
        ending = asyncio.run_coroutine_threadsafe(_cancel_others(), loop)
        await asyncio.wait([asyncio.wrap_future(ending)], timeout=_END_SECONDS)
        loop.call_soon_threadsafe(loop.stop)
        await asyncio.to_thread(thread.join, _END_SECONDS)
        if not thread.is_alive():
            loop.close()

    def _told(self, result: Result) -> Result:
        self._ran(result)
        return result

    async def _there(self, work: Coroutine[Any, Any, T]) -> T:
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, self._running()))

    def _running(self) -> asyncio.AbstractEventLoop:
        """The loop, started when it is first needed. Called from the server's loop only."""
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            self._thread = threading.Thread(target=self._loop.run_forever, daemon=True, name="rag-reasoner-engine")
            self._thread.start()
        return self._loop


async def _cancel_others() -> None:
    """Cancel every other task of this loop, and wait until they have ended."""
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
    await asyncio.get_running_loop().shutdown_asyncgens()
