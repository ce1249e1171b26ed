"""`/v1/answer`: ranked documents with reasons, and an answer with looked-up quotes, at once or as it is written."""

from functools import partial

from fastapi import APIRouter
from starlette.responses import Response, StreamingResponse

from rag_reasoner.server.asked import AnswerRequest
from rag_reasoner.server.engine import Engine
from rag_reasoner.server.events import UNBUFFERED, narrated
from rag_reasoner.server.replied import AnswerReply, answer_reply
from rag_reasoner.server.routes.common import ERRORS, given, limits
from rag_reasoner.server.settings import ServerSettings

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
            events = engine.astream(question, documents, top_n=asked.top_n)
            told = narrated(events, settings, partial(answer_reply, asked, version="1"))
            return StreamingResponse(told, media_type="text/event-stream", headers=UNBUFFERED)
        return answer_reply(asked, await engine.aanswer(question, documents, top_n=asked.top_n), "1")

    return routes
