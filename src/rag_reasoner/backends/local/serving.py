"""Many tasks, one batch after another, so that a failing task costs itself only."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from rag_reasoner.backends.local.prompts import Desk, Planned, Ready, batches
from rag_reasoner.backends.local.worker import Stop
from rag_reasoner.tasks.base import Task
from rag_reasoner.types import Fault

Outcome = TypeVar("Outcome")


@dataclass(frozen=True)
class Serving(Generic[Outcome]):
    """Serves the tasks of one call: `run` a batch, `failed` makes the outcome of a task that could not be served.

    `most_tokens` bounds a batch; a single task always fits.
    """

    desk: Desk
    run: Callable[[Sequence[Ready]], list[Outcome]]
    failed: Callable[[Fault], Outcome]
    most_tokens: int
    stop: Stop

    def serve(self, tasks: Sequence[Task]) -> list[Outcome]:
        """The outcome of each task, in their order."""
        planned = [self.desk.plan(place, task) for place, task in enumerate(tasks)]
        served = {place: self.failed(found) for place, found in enumerate(planned) if isinstance(found, Fault)}
        for batch in batches([found for found in planned if isinstance(found, Planned)], self.most_tokens):
            served |= self._attempt(batch)
        return [served[place] for place in range(len(tasks))]

    def _attempt(self, batch: Sequence[Planned]) -> dict[int, Outcome]:
        """Runs a batch; where that fails, as for lack of memory, each half of it, down to single tasks."""
        self.stop.check()
        try:
            return self._run(batch)
        except (RuntimeError, MemoryError) as error:
            if len(batch) == 1:
                fault = Fault("backend_error", f"{type(error).__name__}: {str(error)[:200]}")
                return {batch[0].place: self.failed(fault)}
        half = len(batch) // 2
        return self._attempt(batch[:half]) | self._attempt(batch[half:])

    def _run(self, batch: Sequence[Planned]) -> dict[int, Outcome]:
        found = {item.place: self.desk.ready(item) for item in batch}
        ready = {place: item for place, item in found.items() if isinstance(item, Ready)}
        refused = {place: self.failed(item) for place, item in found.items() if isinstance(item, Fault)}
        return refused | dict(zip(ready, self.run(list(ready.values())) if ready else [], strict=True))
