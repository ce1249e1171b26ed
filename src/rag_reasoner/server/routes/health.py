"""`/healthz`: the process lives. `/readyz`: the model tells a relevant text from an irrelevant one."""

from fastapi import APIRouter
from pydantic import BaseModel

from rag_reasoner.server.engine import Engine
from rag_reasoner.server.life import Life, draining
from rag_reasoner.server.problems import Problem
from rag_reasoner.server.ready import Ready
from rag_reasoner.server.replied import ErrorReply
from rag_reasoner.server.settings import ServerSettings


class Alive(BaseModel):
    status: str = "alive"


class Serving(BaseModel):
    status: str = "ready"
    model: str


def router(engine: Engine, settings: ServerSettings, life: Life) -> APIRouter:
    routes = APIRouter(tags=["health"])
    ready = Ready(engine, settings.ready_seconds)

    @routes.get("/healthz")
    async def healthz() -> Alive:
        """The process lives. Needs no token."""
        return Alive()

    @routes.get("/readyz", responses={503: {"model": ErrorReply, "description": "the model does not answer"}})
    async def readyz() -> Serving:
        """The model answers a question whose answer is known, and no shutdown has begun."""
        if life.draining:
            raise draining()
        if problem := await ready.problem():
            raise Problem(503, "not_ready", problem, retry_after=2)
        return Serving(model=engine.model_name)

    return routes
