"""`/v1/answer`: ranked documents with reasons, and an answer with looked-up quotes, at once or as it is written."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing

from fastapi import APIRouter
from starlette.responses import Response, StreamingResponse

from rag_reasoner.drive import Event, StepDone
from rag_reasoner.results import Result
from rag_reasoner.server.asked import AnswerRequest
from rag_reasoner.server.engine import Engine
from rag_reasoner.server.events import HEARTBEAT, StepEvent, TextEvent, sent, with_heartbeats
from rag_reasoner.server.problems import Problem
from rag_reasoner.server.replied import AnswerReply, ErrorReply, answer_reply
from rag_reasoner.server.routes.common import ERRORS, given, limits
from rag_reasoner.server.settings import ServerSettings
from rag_reasoner.server.told import as_problem
from rag_reasoner.types import Document

_STREAM = {"description": "the answer, or with `stream` events", "content": {"text/event-stream": {}}}


def router(engine: Engine, settings: ServerSettings) -> APIRouter:
    routes = APIRouter(tags=["answer"], dependencies=[limits(settings)])

    @routes.post(
        "/v1/answer",
        response_model=AnswerReply,
        responses={200: _STREAM, **ERRORS},
        response_model_exclude_unset=True,
    )
    async def answer(asked: AnswerRequest) -> AnswerReply | Response:
        """Answer a question from documents, with citations."""
        question, documents = await given(asked.question, asked, settings)
        if asked.stream:
            told = _told(engine, settings, asked, question, documents)
            return StreamingResponse(told, media_type="text/event-stream", headers={"cache-control": "no-store"})
        return answer_reply(asked, await engine.aanswer(question, documents, top_n=asked.top_n), "1")

    return routes


async def _told(
    engine: Engine, settings: ServerSettings, asked: AnswerRequest, question: str, documents: list[Document]
) -> AsyncIterator[str]:
    """The run as events; the last is its result, or the error that ended it."""
    events = with_heartbeats(engine.astream(question, documents, top_n=asked.top_n), settings.heartbeat_seconds)
    try:
        async with asyncio.timeout(0.95 * settings.request_seconds), aclosing(events):  # type: ignore[type-var]
            async for event in events:
                yield HEARTBEAT if event is None else _event(asked, event)
    except TimeoutError:
        yield _error(Problem(504, "too_slow", f"the answer took more than {settings.request_seconds:g} seconds"))
    except Exception as error:  # noqa: BLE001 - the reply has begun: an error can only be told in it
        yield _error(_problem(error))


def _event(asked: AnswerRequest, event: Event | Result) -> str:
    if isinstance(event, Result):
        return sent("result", answer_reply(asked, event, "1"))
    if isinstance(event, StepDone):
        return sent("step", StepEvent(stage=event.stage, tasks=event.tasks, seconds=event.seconds))
    return sent("text", TextEvent(stage=event.stage, text=event.text))


def _problem(error: Exception) -> Problem:
    try:
        return as_problem(error)
    except Exception:  # noqa: BLE001 - its message may hold a document's text
        return Problem(500, "internal", "something went wrong in the server")


def _error(problem: Problem) -> str:
    return sent("error", ErrorReply(message=problem.message, error=problem.kind))
