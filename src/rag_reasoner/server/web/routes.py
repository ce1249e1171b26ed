"""The page at `/`, and what it asks for: files in, pages as pictures, and questions to the files."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response, StreamingResponse

from rag_reasoner.candidates import checked_query
from rag_reasoner.pages.files import KINDS
from rag_reasoner.server.problems import Problem
from rag_reasoner.server.routes.common import ERRORS
from rag_reasoner.server.settings import ServerSettings
from rag_reasoner.server.web.asking import Asks, FilesAsked, found_pages, told
from rag_reasoner.server.web.pictures import drawn
from rag_reasoner.server.web.replied import Files, HeldFile, Limits, held_file
from rag_reasoner.server.web.room import Room
from rag_reasoner.server.web.shelf import Shelf
from rag_reasoner.server.web.static import GUARDS, Asset, assets

_WORKSPACE = re.compile(r"[A-Za-z0-9_-]{22,64}", re.ASCII)
_PRIVATE = {**GUARDS, "cache-control": "no-store"}
_RAW: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}
_EVENTS: dict[str, Any] = {
    "description": "events: found, step, text, and result or error",
    "content": {"text/event-stream": {}},
}
_PICTURE: dict[str, Any] = {"description": "the page", "content": {"image/png": {}}}


def router(model: Asks, settings: ServerSettings, room: Room | None = None) -> APIRouter:
    """Everything of the page. Uploaded files are gone when the application's lifespan ends."""
    shelf = Shelf(room or Room())

    @asynccontextmanager
    async def lifespan(_: object) -> AsyncIterator[None]:
        yield
        await shelf.aclose()

    routes = APIRouter(tags=["page"], lifespan=lifespan)
    for asset in assets():
        routes.add_api_route(asset.path, partial(_served, asset), methods=["GET", "HEAD"], include_in_schema=False)
    routes.include_router(_files(model, settings, room or Room(), shelf))
    routes.include_router(_asking(model, settings, shelf))
    return routes


def _files(model: Asks, settings: ServerSettings, room: Room, shelf: Shelf) -> APIRouter:
    routes = APIRouter()

    @routes.post("/v1/documents", status_code=201, responses=ERRORS, openapi_extra=_RAW)
    async def upload(request: Request, workspace: Workspace, name: str = "") -> HeldFile:
        """Take in one file, sent as it is: PDF, image or text. It is read at once, and kept for this workspace."""
        content = await request.body()
        if len(content) > settings.max_body:
            raise Problem(413, "too_large", f"the file has {len(content):,} bytes; it may have {settings.max_body:,}")
        return held_file(await shelf.put(workspace, name, content))

    @routes.get("/v1/documents", responses=ERRORS)
    async def listed(workspace: Workspace) -> Files:
        """The files of this workspace."""
        return Files(
            files=[held_file(held) for held in shelf.files(workspace)],
            model=model.model_name,
            reads_images=model.reads_images,
            limits=Limits(bytes=settings.max_body, pages=room.pages, files=room.files_each, kinds=list(KINDS)),
        )

    @routes.delete("/v1/documents/{id}", status_code=204, responses=ERRORS)
    async def remove(id: str, workspace: Workspace) -> None:
        """Forget a file."""
        shelf.remove(workspace, id)

    @routes.get("/v1/documents/{id}/pages/{page}.png", responses={200: _PICTURE, **ERRORS}, response_class=Response)
    async def picture(id: str, page: int, workspace: Workspace) -> Response:
        """A page as PNG; boxes of quotes are fractions of it."""
        held = shelf.get(workspace, id)
        png = await shelf.apart(partial(drawn, held, page, shelf.pool))
        return Response(png, media_type="image/png", headers=_PRIVATE)

    return routes


def _asking(model: Asks, settings: ServerSettings, shelf: Shelf) -> APIRouter:
    routes = APIRouter()

    @routes.post("/v1/documents/ask", responses={200: _EVENTS, **ERRORS}, response_class=StreamingResponse)
    async def ask(asked: FilesAsked, workspace: Workspace) -> StreamingResponse:
        """Ask the files: ranked pages with reasons, and an answer with looked-up quotes, as server-sent events."""
        question = checked_query(asked.question)
        files = shelf.chosen(workspace, asked.documents)
        found = await shelf.apart(partial(found_pages, question, files, sees=model.reads_images))
        events = told(model, settings, asked, files, found)
        return StreamingResponse(events, media_type="text/event-stream", headers=_PRIVATE)

    return routes


async def _workspace(request: Request) -> str:
    """Who asks: a random word that the page made for this browser. Raises Problem for anything else."""
    given = request.headers.get("x-workspace", "")
    if not _WORKSPACE.fullmatch(given):
        raise Problem(400, "no_workspace", "send X-Workspace: 22 to 64 random letters and digits, always the same")
    return given


Workspace = Annotated[str, Depends(_workspace)]


async def _served(asset: Asset, request: Request) -> Response:
    if request.headers.get("if-none-match") == asset.etag:
        return Response(status_code=304, headers=asset.headers)
    return Response(asset.content, media_type=asset.media_type, headers=asset.headers)
