"""Many items, one after another in batches, so that a failing item costs itself only."""

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from rag_reasoner.backends.local.prompts import Planned
from rag_reasoner.backends.local.worker import Stop
from rag_reasoner.types import Fault

Outcome = TypeVar("Outcome")
Run = Callable[[Sequence[Planned]], list[Outcome]]


def serve(
    batches: Iterable[Sequence[Planned]], run: Run[Outcome], failed: Callable[[Fault], Outcome], stop: Stop
) -> dict[int, Outcome]:
    """The outcome of every planned item, by its place."""
    served: dict[int, Outcome] = {}
    for batch in batches:
        served |= _attempt(batch, run, failed, stop)
    return served


def _attempt(
    batch: Sequence[Planned], run: Run[Outcome], failed: Callable[[Fault], Outcome], stop: Stop
) -> dict[int, Outcome]:
    """Runs a batch; where that fails, as for lack of memory, each half of it, down to single items."""
    stop.check()
    try:
        return dict(zip((item.place for item in batch), run(batch), strict=True))
    except (RuntimeError, MemoryError) as error:
        if len(batch) == 1:
            return {batch[0].place: failed(Fault("backend_error", f"{type(error).__name__}: {str(error)[:200]}"))}
    half = len(batch) // 2
    return _attempt(batch[:half], run, failed, stop) | _attempt(batch[half:], run, failed, stop)
