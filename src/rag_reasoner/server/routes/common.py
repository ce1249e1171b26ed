"""What the routes share."""

import asyncio
from typing import Any

from fastapi import Depends

from rag_reasoner.candidates import checked_query
from rag_reasoner.server.asked import MOST, AnswerRequest, RerankRequest, documents_of
from rag_reasoner.server.problems import Problem
from rag_reasoner.server.replied import ErrorReply
from rag_reasoner.server.settings import ServerSettings
from rag_reasoner.types import Document

_MEANINGS = {
    400: "the body cannot be read",
    401: "the token is missing or wrong",
    408: "the body came too slowly",
    413: "the body, or its text, is too large",
    415: "the body is not declared as JSON",
    422: "a value cannot be used",
    502: "the model could not be asked",
    503: "busy, or shutting down",
    504: "the request took too long",
}

ERRORS: dict[int | str, dict[str, Any]] = {
    status: {"model": ErrorReply, "description": meaning} for status, meaning in _MEANINGS.items()
}


def limits(settings: ServerSettings) -> Any:
    """Tells those who validate a request how much it may have."""

    async def tell() -> None:
        MOST.set(settings.max_candidates)

    return Depends(tell)


async def given(
    query: str, asked: RerankRequest | AnswerRequest, settings: ServerSettings
) -> tuple[str, list[Document]]:
    """The query and the documents, checked. Raises InvalidInput and Problem."""
    checked = checked_query(query)
    documents = await asyncio.to_thread(documents_of, asked)
    _short_enough(len(checked) + sum(len(one.text) + len(one.title) for one in documents), settings.max_text)
    return checked, documents


def _short_enough(characters: int, most: int) -> None:
    if characters > most:
        said = f"query and documents have {characters:,} characters, at most {most:,} are read; send passages or pages"
        raise Problem(413, "too_large", said)
