"""Server-sent events: a run told while it goes on."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import TypeVar

from pydantic import BaseModel

from rag_reasoner.server.replied import Words

T = TypeVar("T")

HEARTBEAT = ": still working\n\n"
"""A comment that clients skip, and that keeps proxies from closing a quiet connection."""


class StepEvent(BaseModel):
    """A batch of model calls has ended."""

    stage: str
    tasks: int
    seconds: float


class TextEvent(BaseModel):
    """The next piece of a reply that a model is writing: for the eye; what counts is in the result."""

    stage: str
    text: Words


def sent(name: str, data: BaseModel) -> str:
    """One event; JSON has no line breaks of its own."""
    return f"event: {name}\ndata: {data.model_dump_json(exclude_unset=True)}\n\n"


async def with_heartbeats(events: AsyncIterator[T], seconds: float) -> AsyncIterator[T | None]:
    """The events, and None whenever none has come for `seconds`. Leaving early closes `events`."""
    async with aclosing(events):  # type: ignore[type-var]
        pending = asyncio.ensure_future(anext(events))
        try:
            while True:
                done, _ = await asyncio.wait({pending}, timeout=seconds)
                if not done:
                    yield None
                    continue
                yield pending.result()
                pending = asyncio.ensure_future(anext(events))
        except StopAsyncIteration:
            return
        finally:
            pending.cancel()
            await asyncio.wait({pending})
