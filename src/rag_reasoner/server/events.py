"""Server-sent events: a run told while it goes on."""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from typing import TypeVar

from anyio import CancelScope
from pydantic import BaseModel

from rag_reasoner.drive import Event, StepDone
from rag_reasoner.results import Result
from rag_reasoner.server.problems import Problem
from rag_reasoner.server.replied import ErrorReply, Words
from rag_reasoner.server.settings import ServerSettings
from rag_reasoner.server.told import as_problem

T = TypeVar("T")

HEARTBEAT = ": still working\n\n"
"""A comment that clients skip, and that keeps proxies from closing a quiet connection."""


UNBUFFERED = {"cache-control": "no-store", "x-accel-buffering": "no"}
"""Headers that keep proxies from holding events back."""


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


async def narrated(
    events: AsyncIterator[Event | Result], settings: ServerSettings, reply: Callable[[Result], BaseModel]
) -> AsyncGenerator[str, None]:
    """A run as server-sent events; the last is `reply` to its result, or the error that ended it."""
    try:
        async with aclosing(paced(events, settings.heartbeat_seconds, settings.request_seconds)) as heard:
            async for event in heard:
                yield HEARTBEAT if event is None else _told(event, reply)
    except TimeoutError:
        said = f"the answer took more than {settings.request_seconds:g} seconds; send fewer documents"
        yield _error(Problem(504, "too_slow", said))
    except Exception as error:  # noqa: BLE001 - the reply has begun: an error can only be told in it
        yield _error(as_problem(error))


async def paced(events: AsyncIterator[T], heartbeat: float, limit: float) -> AsyncGenerator[T | None, None]:
    """The events, and None whenever none has come for `heartbeat` seconds. Leaving early closes `events`.

    Raises TimeoutError after `limit` seconds. It counts for itself: `asyncio.timeout` around a yield would cancel
    whoever reads.
    """
    ends = time.monotonic() + limit
    pending = asyncio.ensure_future(anext(events))
    try:
        while (left := ends - time.monotonic()) > 0:
            done, _ = await asyncio.wait({pending}, timeout=min(heartbeat, left))
            if not done:
                yield None
                continue
            yield pending.result()
            pending = asyncio.ensure_future(anext(events))
        raise TimeoutError
    except StopAsyncIteration:
        return
    finally:
        with CancelScope(shield=True):  # starlette's task group would cancel these again, and leave `events` running
            pending.cancel()
            await asyncio.wait({pending})
            await events.aclose()  # type: ignore[attr-defined]


def _told(event: Event | Result, reply: Callable[[Result], BaseModel]) -> str:
    if isinstance(event, Result):
        return sent("result", reply(event))
    if isinstance(event, StepDone):
        return sent("step", StepEvent(stage=event.stage, tasks=event.tasks, seconds=event.seconds))
    return sent("text", TextEvent(stage=event.stage, text=event.text))


def _error(problem: Problem) -> str:
    return sent("error", ErrorReply(message=problem.message, error=problem.kind))
