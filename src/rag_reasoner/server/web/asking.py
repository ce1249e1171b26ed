"""Files are asked: the first stage finds pages, the reranker does the rest, and everything is told as it happens."""

from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from functools import partial
from typing import Annotated, Protocol

from pydantic import BaseModel, ConfigDict, Field

from rag_reasoner.drive import Event
from rag_reasoner.results import Result
from rag_reasoner.retrieve.first import find_pages
from rag_reasoner.server.events import narrated, sent
from rag_reasoner.server.settings import ServerSettings
from rag_reasoner.server.web.held import Held
from rag_reasoner.server.web.replied import ask_reply
from rag_reasoner.types import Candidate

FETCHED = 20
"""Pages that the first stage hands on."""


class Asks(Protocol):
    """What is asked: a reranker, or the server's engine around one."""

    @property
    def model_name(self) -> str: ...

    @property
    def reads_images(self) -> bool: ...

    def astream(
        self, query: str, candidates: Sequence[Candidate], *, answer: bool = True, top_n: int | None = None
    ) -> AsyncIterator[Event | Result]: ...


class FilesAsked(BaseModel):
    """A question to files that were uploaded."""

    model_config = ConfigDict(extra="forbid")

    question: str = Field(min_length=1, max_length=4000)
    top_n: int | None = Field(default=None, ge=1, description="how many pages are ranked; all, if not given")
    documents: list[Annotated[str, Field(max_length=64)]] | None = Field(
        default=None, max_length=1000, description="ids of files; all of the workspace, if not given"
    )


class FoundEvent(BaseModel):
    """What the first stage did."""

    files: int
    pages: int
    found: int


def found_pages(question: str, files: Sequence[Held], *, sees: bool) -> list[Candidate]:
    """The pages of `files` that the reranker is to see. Blocks."""
    return find_pages([document for held in files for document in held.documents], question, FETCHED, sees=sees)


async def told(
    model: Asks, settings: ServerSettings, asked: FilesAsked, files: Sequence[Held], found: Sequence[Candidate]
) -> AsyncIterator[str]:
    """The run as events; the last is its result, or the error that ended it."""
    pages = sum(len(held.documents) for held in files)
    yield sent("found", FoundEvent(files=len(files), pages=pages, found=len(found)))
    events = model.astream(asked.question, found, top_n=asked.top_n)
    async with aclosing(narrated(events, settings, partial(ask_reply, files=files))) as lines:
        async for line in lines:
            yield line
