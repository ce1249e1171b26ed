"""A client and the loop that it belongs to."""

from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any, TypeVar

from rag_reasoner.backends.http.client import Client
from rag_reasoner.backends.http.loop import Loop

T = TypeVar("T")
Ask = Callable[[Client], Coroutine[Any, Any, T]]


class Remote:
    """Runs what asks a client, on the client's own loop; the client is made with the first question."""

    def __init__(self, make: Callable[[], Client]) -> None:
        self._make, self._loop = make, Loop()
        self._client: Client | None = None

    def call(self, ask: Ask[T]) -> T:
        return self._loop.call(partial(self._ask, ask))

    async def acall(self, ask: Ask[T]) -> T:
        return await self._loop.acall(partial(self._ask, ask))

    def close(self) -> None:
        self._loop.close()

    async def _ask(self, ask: Ask[T]) -> T:
        if self._client is None:
            self._client = self._make()
            self._loop.at_end(self._client.aclose)
        return await ask(self._client)
