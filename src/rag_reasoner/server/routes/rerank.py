"""`/v1/rerank` and `/v2/rerank`, as the clients of Cohere and Jina ask."""

from fastapi import APIRouter

from rag_reasoner.server.asked import RerankRequest
from rag_reasoner.server.engine import Engine
from rag_reasoner.server.replied import RerankReply, rerank_reply
from rag_reasoner.server.routes.common import ERRORS, given, limits
from rag_reasoner.server.settings import ServerSettings


def router(engine: Engine, settings: ServerSettings) -> APIRouter:
    """Both versions; they differ in what they say of themselves only."""
    routes = APIRouter(tags=["rerank"], dependencies=[limits(settings)])

    async def ranked(asked: RerankRequest, version: str) -> RerankReply:
        query, documents = await given(asked.query, asked, settings)
        return rerank_reply(asked, await engine.arerank(query, documents, top_n=asked.top_n), version)

    @routes.post("/v1/rerank", responses=ERRORS, response_model_exclude_unset=True)
    async def rerank_v1(asked: RerankRequest) -> RerankReply:
        """Rank documents for a query, with reasons: Cohere's v1 and Jina's shape."""
        return await ranked(asked, "1")

    @routes.post("/v2/rerank", responses=ERRORS, response_model_exclude_unset=True)
    async def rerank_v2(asked: RerankRequest) -> RerankReply:
        """Rank documents for a query, with reasons: Cohere's v2 shape."""
        return await ranked(asked, "2")

    return routes
