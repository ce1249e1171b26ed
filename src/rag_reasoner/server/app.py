"""The server as an ASGI application."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache

from fastapi import Depends, FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.security import HTTPBearer
from starlette.exceptions import HTTPException

import rag_reasoner
from rag_reasoner.errors import RagReasonerError
from rag_reasoner.reranker import ReasoningReranker
from rag_reasoner.server import told
from rag_reasoner.server.engine import Engine
from rag_reasoner.server.gate import Gate
from rag_reasoner.server.life import Life
from rag_reasoner.server.metrics import Counted, Metrics
from rag_reasoner.server.problems import Problem
from rag_reasoner.server.routes import answer, health, metrics, rerank
from rag_reasoner.server.settings import ServerSettings
from rag_reasoner.server.web import routes as web
from rag_reasoner.server.web.static import open_paths

OPEN = frozenset({"/healthz"})
"""What is served without the token."""


def create_app(reranker: ReasoningReranker, settings: ServerSettings | None = None) -> FastAPI:
    """The server of one reranker. `app.state.life` tells what it is doing, and takes it out of service."""
    settings = settings or ServerSettings()
    numbers, life = Metrics(), Life()
    engine = Engine(reranker.through(numbers.sharing), numbers.ran)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        await engine.aclose()

    app = FastAPI(
        title="rag_reasoner",
        version=rag_reasoner.__version__,
        summary="A reasoning reranker in the shape of Cohere's and Jina's",
        docs_url=None,  # these pages would be fetched from elsewhere
        redoc_url=None,
        lifespan=lifespan,
        dependencies=[Depends(HTTPBearer(auto_error=False))] if settings.token else [],  # checked at the gate
    )
    app.state.life, app.state.engine = life, engine
    app.include_router(rerank.router(engine, settings))
    app.include_router(answer.router(engine, settings))
    app.include_router(health.router(engine, settings, life))
    app.include_router(metrics.router(numbers))
    app.include_router(web.router(engine, settings))
    for kind in (Problem, RagReasonerError, RequestValidationError, HTTPException):
        app.add_exception_handler(kind, told.tell)
    app.add_middleware(Gate, settings=settings, life=life, open_paths=OPEN | open_paths())
    app.add_middleware(
        Counted, metrics=numbers, known=cache(lambda: open_paths() | {"/openapi.json", *app.openapi()["paths"]})
    )
    return app
