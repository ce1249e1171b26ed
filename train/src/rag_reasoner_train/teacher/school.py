"""Many lessons at once: each is kept as soon as it is done, none is given twice."""

from collections.abc import Awaitable, Callable, Iterable, Iterator
from typing import Generic, TypeVar

from rag_reasoner.errors import BackendError
from rag_reasoner_train.teacher.client import Refused
from rag_reasoner_train.teacher.until_fit import gathered

MOST_REFUSALS = 5
"""So many refusals one after another mean that the teacher cannot be asked like this at all."""

T = TypeVar("T")


class School(Generic[T]):
    """Gives each of many things its lesson. `lesson` does all there is to do; `refused` is told where it could not."""

    def __init__(
        self,
        lesson: Callable[[T], Awaitable[None]],
        refused: Callable[[T, Refused], None],
        progress: Callable[[object], None],
    ) -> None:
        self._lesson, self._refused, self._progress = lesson, refused, progress
        self._refusals = 0

    async def teach(self, things: Iterable[T], at_once: int) -> None:
        """All of them, `at_once` side by side. Raises BackendError where the teacher cannot be asked."""
        left = iter(things)
        await gathered(self._work(left) for _ in range(at_once))

    async def _work(self, left: Iterator[T]) -> None:
        for thing in left:
            try:
                await self._lesson(thing)
                self._refusals = 0
            except Refused as refused:
                self._note(thing, refused)
            self._progress(thing)

    def _note(self, thing: T, refused: Refused) -> None:
        self._refusals += 1
        if self._refusals >= MOST_REFUSALS:
            raise BackendError(f"{refused}; so it went {self._refusals} times one after another") from refused
        self._refused(thing, refused)
