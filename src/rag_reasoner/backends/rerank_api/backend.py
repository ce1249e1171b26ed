"""The backend: pairs of one query go together in a request; a request that fails costs its own pairs."""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from os import PathLike

from rag_reasoner.backends.base import Card, Judged
from rag_reasoner.backends.deadline import ends_within
from rag_reasoner.backends.http.address import checked_url, key_for
from rag_reasoner.backends.http.client import Client, Question
from rag_reasoner.backends.http.estimate import estimate
from rag_reasoner.backends.http.images import LoadImage, reader
from rag_reasoner.backends.http.remote import Remote
from rag_reasoner.backends.rerank_api.dialects import SHAPES, Name
from rag_reasoner.backends.rerank_api.wire import read, request
from rag_reasoner.errors import BackendError, InvalidInput, Unreadable
from rag_reasoner.messages import Message
from rag_reasoner.tasks.relevance import RelevanceTask
from rag_reasoner.types import Fault

_VERSIONS = ("/v1", "/v2")


class RerankAPI:
    """Judges by a reranker behind `base_url`, for the coarse stage; it cannot complete.

    `dialect` names the server's shape. Its scores are no probabilities: nothing is dropped by a threshold on them.
    `raw_scores` says that they may lie outside 0..1, as those of late-interaction models do. `context` bounds what is
    shown of a document, in tokens. `reads_images` sends images, where the dialect has a way to. `timeout` is in
    seconds, for a whole call with its retries. Raises InvalidInput.
    """

    def __init__(
        self,
        base_url: str,
        model: str = "",
        *,
        dialect: Name,
        api_key: str | None = None,
        context: int = 8192,
        raw_scores: bool | None = None,
        reads_images: bool = False,
        batch: int | None = None,
        timeout: float = 60.0,
        concurrency: int = 8,
        proxy: str | None = None,
        load_image: LoadImage | None = None,
        allow_urls: bool = False,
        image_roots: Sequence[str | PathLike[str]] = (".",),
    ) -> None:
        if dialect not in SHAPES:
            raise InvalidInput(f"dialect: unknown {dialect!r}; choose from {', '.join(SHAPES)}")
        shape = SHAPES[dialect]
        if reads_images and shape.images is None:
            raise InvalidInput(f"dialect {dialect!r} takes no images; leave reads_images out")
        if not model and dialect in ("cohere", "cohere_v1", "jina"):
            raise InvalidInput(f"dialect {dialect!r}: name the model with model=")
        url = _without_version(checked_url(base_url))
        name = model or f"{dialect} reranker"
        self.card = Card(name, context, calibrated=False, reads_images=reads_images, scores_only=True)
        self._shape = shape if raw_scores is None else replace(shape, raw=raw_scores)
        self._model, self._most, self._timeout = model, batch or shape.most, timeout
        self._image_url = reader(load_image, allow_urls=allow_urls, image_roots=image_roots)
        self._remote = Remote(partial(Client, url, key_for(url, api_key), concurrency=concurrency, proxy=proxy))

    def __repr__(self) -> str:
        return f"RerankAPI(model={self.card.name!r})"

    def count(self, messages: Sequence[Message]) -> int:
        """About how many tokens `messages` take, on the high side: the server's tokenizer is not at hand."""
        return estimate(messages)

    def judge(self, tasks: Sequence[RelevanceTask]) -> list[Judged]:
        """A score 0..1 for each task, of which only the order means something."""
        return self._remote.call(partial(self._judge, tasks, ends_within(self._timeout)))

    async def ajudge(self, tasks: Sequence[RelevanceTask]) -> list[Judged]:
        """A score 0..1 for each task, of which only the order means something."""
        return await self._remote.acall(partial(self._judge, tasks, ends_within(self._timeout)))

    def close(self) -> None:
        """Cancels what is under way and takes no more."""
        self._remote.close()

    async def _judge(self, tasks: Sequence[RelevanceTask], ends: float, client: Client) -> list[Judged]:
        judged: dict[int, Judged] = {}
        async with asyncio.TaskGroup() as group:
            for places in _together(tasks, self._most):
                group.create_task(self._put(judged, places, [tasks[place] for place in places], ends, client))
        return [judged[place] for place in range(len(tasks))]

    async def _put(
        self,
        judged: dict[int, Judged],
        places: Sequence[int],
        tasks: Sequence[RelevanceTask],
        ends: float,
        client: Client,
    ) -> None:
        """Scores the pairs at `places`. An image that cannot be read costs its pair only."""
        unread = await asyncio.to_thread(self._unread, tasks)
        judged |= {places[number]: Judged(None, fault) for number, fault in unread.items()}
        sent = [number for number in range(len(tasks)) if number not in unread]
        if not sent:
            return
        try:
            scores = await self._scores([tasks[number] for number in sent], ends, client)
        except BackendError as error:
            scores = [Judged(None, Fault("backend_error", str(error)))] * len(sent)
        judged |= dict(zip((places[number] for number in sent), scores, strict=True))

    async def _scores(self, tasks: Sequence[RelevanceTask], ends: float, client: Client) -> list[Judged]:
        documents = [task.document for task in tasks]
        body = await asyncio.to_thread(request, self._shape, self._model, tasks[0].query, documents, self._image_url)
        understand = partial(read, shape=self._shape, count=len(tasks))
        return await client.ask(Question(self._shape.path, body), ends, understand)

    def _unread(self, tasks: Sequence[RelevanceTask]) -> dict[int, Fault]:
        faults = {}
        for number, task in enumerate(tasks):
            if self._shape.images and task.document.image:
                try:
                    self._image_url(task.document.image)
                except Unreadable as error:
                    faults[number] = Fault("image_unread", str(error))
        return faults


def _together(tasks: Sequence[RelevanceTask], most: int) -> Iterator[list[int]]:
    """The places of tasks with one query, at most `most` at a time."""
    by_query: dict[str, list[int]] = {}
    for place, task in enumerate(tasks):
        by_query.setdefault(task.query, []).append(place)
    for places in by_query.values():
        for start in range(0, len(places), most):
            yield places[start : start + most]


def _without_version(base_url: str) -> str:
    """The server's address: dialects bring their own path, whether or not the user gave its beginning."""
    for version in _VERSIONS:
        base_url = base_url.removesuffix(version)
    return base_url.rstrip("/")
