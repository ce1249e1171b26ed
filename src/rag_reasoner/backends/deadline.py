"""When whoever asks stops waiting: told by the driver, read by backends that wait for others."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from math import inf

_ENDS: ContextVar[float] = ContextVar("rag_reasoner_deadline", default=inf)


@contextmanager
def until(ends: float) -> Iterator[None]:
    """Within, nobody waits beyond `ends`, in seconds of `time.monotonic`, nor beyond what was said outside."""
    token = _ENDS.set(min(ends, _ENDS.get()))
    try:
        yield
    finally:
        _ENDS.reset(token)


def ends_within(seconds: float) -> float:
    """The moment, of `time.monotonic`, at which a call that may take `seconds` must be over."""
    return min(time.monotonic() + seconds, _ENDS.get())
