"""What the server does, in numbers for Prometheus. Labels take values from closed sets only."""

from collections.abc import Callable
from time import perf_counter
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector
from prometheus_client.exposition import choose_encoder

from rag_reasoner.backends.base import Backend
from rag_reasoner.results import Result
from rag_reasoner.server.batching import Batched, batched
from rag_reasoner.server.problems import ASGI
from rag_reasoner.types import FAULTS

_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300)
_TASKS = (1, 2, 4, 8, 16, 32)
_LEFT = "499"
"""The status of a request whose client left before there was a reply, as nginx counts it."""


class Metrics:
    """The numbers of one server, apart from those of any other in the process."""

    def __init__(self) -> None:
        self._registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        self._shared: list[Batched] = []
        self.in_flight = Gauge("rag_reasoner_requests_in_flight", "Requests under way", registry=registry)
        self._requests = Counter("rag_reasoner_requests", "Requests", ["route", "status"], registry=registry)
        self._seconds = Histogram(
            "rag_reasoner_request_seconds", "Seconds to the last byte", ["route"], registry=registry, buckets=_SECONDS
        )
        self._batches = Histogram(
            "rag_reasoner_batch_tasks", "Tasks in a shared batch", ["kind"], registry=registry, buckets=_TASKS
        )
        waiting = Gauge("rag_reasoner_tasks_waiting", "Tasks whose turn has not come", registry=registry)
        waiting.set_function(lambda: sum(model.waiting for model in self._shared))
        self._tokens = Counter("rag_reasoner_tokens", "Tokens read and written", ["kind"], registry=registry)
        self._documents = Counter("rag_reasoner_documents", "Documents of runs", ["fate"], registry=registry)
        self._degraded = Counter("rag_reasoner_degraded", "Runs not ordered by a model alone", registry=registry)
        self._faults = Counter("rag_reasoner_faults", "Faults of runs", ["kind"], registry=registry)

    def sharing(self, backend: Backend) -> Any:
        """`backend`, shared by requests where this helps, and its queue and batches measured."""
        model = batched(backend, lambda kind, size: self._batches.labels(kind).observe(size))
        if isinstance(model, Batched):
            self._shared.append(model)
        return model

    def ran(self, result: Result) -> None:
        """Counts a run."""
        self._tokens.labels("prompt").inc(result.usage.prompt_tokens)
        self._tokens.labels("completion").inc(result.usage.completion_tokens)
        self._documents.labels("ranked").inc(len(result.ranked))
        self._documents.labels("dropped").inc(len(result.dropped))
        self._degraded.inc(result.degraded)
        for fault in result.faults:
            self._faults.labels(fault.kind if fault.kind in FAULTS else "other").inc()

    def answered(self, route: str, status: str, seconds: float) -> None:
        """Counts a request."""
        self._requests.labels(route, status).inc()
        self._seconds.labels(route).observe(seconds)

    def written(self, accept: str) -> tuple[bytes, str]:
        """All numbers in the format that a scraper accepts, and its media type."""
        encode, media_type = choose_encoder(accept)
        return encode(self._registry), media_type


class Counted:
    """ASGI middleware around everything else. `known` are the paths that the app has, as it writes them."""

    def __init__(self, app: ASGI, metrics: Metrics, known: Callable[[], frozenset[str]]) -> None:
        self._app, self._metrics, self._known = app, metrics, known

    async def __call__(self, scope: ASGI, receive: ASGI, send: ASGI) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started, status = perf_counter(), _LEFT

        async def told(message: ASGI) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = str(message["status"])
            await send(message)

        with self._metrics.in_flight.track_inprogress():
            try:
                await self._app(scope, receive, told)
            finally:
                self._metrics.answered(self._route(scope), status, perf_counter() - started)

    def _route(self, scope: ASGI) -> str:
        """The path as the app writes it, with names for its parts; what the app does not know is one and the same."""
        path: str = getattr(scope.get("route"), "path", scope["path"])
        return path if path in self._known() else "other"
