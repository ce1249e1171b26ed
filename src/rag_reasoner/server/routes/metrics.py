"""`/metrics`, for Prometheus."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from rag_reasoner.server.metrics import Metrics


def router(metrics: Metrics) -> APIRouter:
    routes = APIRouter(tags=["health"])

    @routes.get(
        "/metrics",
        response_class=Response,
        responses={200: {"description": "the numbers of this server", "content": {"text/plain": {}}}},
    )
    async def numbers(request: Request) -> Response:
        """What the server does, in numbers for Prometheus."""
        content, media_type = metrics.written(request.headers.get("accept", ""))
        return Response(content, headers={"content-type": media_type})

    return routes
