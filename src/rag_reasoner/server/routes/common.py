"""What the routes share."""

import asyncio
from typing import Any

from rag_reasoner.candidates import checked_query
from rag_reasoner.server.asked import AnswerRequest, RerankRequest, documents_of
from rag_reasoner.server.replied import ErrorReply
from rag_reasoner.types import Document

_MEANINGS = {
    400: "the body cannot be read",
    401: "the token is missing or wrong",
    408: "the body came too slowly",
    413: "the body is too large",
    415: "the body is not declared as JSON",
    422: "a value cannot be used",
    502: "the model could not be asked",
    503: "busy, or shutting down",
    504: "the request took too long",
}

ERRORS: dict[int | str, dict[str, Any]] = {
    status: {"model": ErrorReply, "description": meaning} for status, meaning in _MEANINGS.items()
}


async def given(query: str, asked: RerankRequest | AnswerRequest) -> tuple[str, list[Document]]:
    """The query and the documents, checked. Raises InvalidInput and Problem."""
    checked = checked_query(query)
    return checked, await asyncio.to_thread(documents_of, asked)
