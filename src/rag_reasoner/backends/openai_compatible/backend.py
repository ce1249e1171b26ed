"""The backend: tasks become requests, at once but not too many; what fails costs its own task."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from os import PathLike
from typing import Any, TypeVar
from urllib.parse import urlsplit

from rag_reasoner.backends.base import Card, Judged, OnText, Reply
from rag_reasoner.backends.deadline import ends_within
from rag_reasoner.backends.http.address import checked_url, key_for
from rag_reasoner.backends.http.client import Client, Question, Refused
from rag_reasoner.backends.http.estimate import estimate
from rag_reasoner.backends.http.images import LoadImage, reader
from rag_reasoner.backends.http.remote import Remote
from rag_reasoner.backends.openai_compatible.dialects import CONTEXT, DIALECTS, Name, Served, served
from rag_reasoner.backends.openai_compatible.stream import Heard, Tell
from rag_reasoner.backends.openai_compatible.wire import PATH, NoLogprobs, Wire, read_completion, read_judgement
from rag_reasoner.errors import BackendError, InvalidInput, Unreadable
from rag_reasoner.messages import Message, images
from rag_reasoner.tasks import Format
from rag_reasoner.tasks.base import Task
from rag_reasoner.tasks.relevance import RelevanceTask
from rag_reasoner.types import Fault

T = TypeVar("T")

_NOT_UNDERSTOOD = (400, 422, 501)

_NO_LOGPROBS = (
    "this server gives no log-probabilities, so it cannot judge: leave the filter out (stages=('rank',), or --keep all "
    "with --filter-model lexical), or give a local filter_model"
)


class OpenAICompatible:
    """Judges and completes with a model behind `base_url`, which most often ends in /v1.

    `model` may be left out where the server has one only. `dialect` says what the server understands beyond the common
    core; without it, the server is asked once what it is. `context` is the model's, prompt and reply together.
    `timeout` is in seconds, for a whole call with its retries. `think_tokens` is what the model may think before each
    reply, beside what the reply needs; 0 turns thinking off where the server can. `held` holds replies to their form
    where the server can. `extra_body` goes into every request; None takes a field out.
    Keys come from `api_key` or RAG_REASONER_API_KEY; proxies from `proxy` only. Raises InvalidInput.
    """

    def __init__(
        self,
        base_url: str,
        model: str | None = None,
        *,
        api_key: str | None = None,
        dialect: Name | None = None,
        context: int = CONTEXT,
        format: Format | None = None,
        trained: bool = True,
        reads_images: bool = False,
        think_tokens: int = 0,
        held: bool = True,
        timeout: float = 120.0,
        concurrency: int = 8,
        proxy: str | None = None,
        extra_body: Mapping[str, Any] | None = None,
        load_image: LoadImage | None = None,
        allow_urls: bool = False,
        image_roots: Sequence[str | PathLike[str]] = (".",),
    ) -> None:
        if dialect is not None and dialect not in DIALECTS:
            raise InvalidInput(f"dialect: unknown {dialect!r}; choose from {', '.join(DIALECTS)}")
        url = with_version(checked_url(base_url))
        host = urlsplit(url)
        self.card = Card(model or host.netloc, context, format or "rag_reasoner", trained, False, reads_images)
        self._dialect, self._timeout = dialect, timeout
        self._wire = Wire(
            model or "",
            held=held,
            think_tokens=think_tokens,
            limit_field="max_completion_tokens" if host.hostname == "api.openai.com" else "max_tokens",
            extra=dict(extra_body or {}),
        )
        self._image_url = reader(load_image, allow_urls=allow_urls, image_roots=image_roots)
        self._remote = Remote(partial(Client, url, key_for(url, api_key), concurrency=concurrency, proxy=proxy))
        self._known: Wire | None = None
        self._logprobs: bool | None = None
        self._streams: bool | None = None

    def __repr__(self) -> str:
        return f"OpenAICompatible(model={self.card.name!r})"

    def count(self, messages: Sequence[Message]) -> int:
        """About how many tokens `messages` take, on the high side: the server's tokenizer is not at hand."""
        return estimate(messages)

    def judge(self, tasks: Sequence[RelevanceTask]) -> list[Judged]:
        """P(yes) of each task. Raises BackendError where the server gives no log-probabilities."""
        return self._remote.call(partial(self._judge, tasks, ends_within(self._timeout)))

    async def ajudge(self, tasks: Sequence[RelevanceTask]) -> list[Judged]:
        """P(yes) of each task. Raises BackendError where the server gives no log-probabilities."""
        return await self._remote.acall(partial(self._judge, tasks, ends_within(self._timeout)))

    def complete(self, tasks: Sequence[Task], on_text: OnText | None = None) -> list[Reply]:
        """A reply to each task. `on_text` is called as they come, on a thread of this backend."""
        return self._remote.call(partial(self._complete, tasks, ends_within(self._timeout), on_text))

    async def acomplete(self, tasks: Sequence[Task], on_text: OnText | None = None) -> list[Reply]:
        """A reply to each task. `on_text` is called as they come, in the running loop."""
        tell = _in_loop(on_text) if on_text else None
        return await self._remote.acall(partial(self._complete, tasks, ends_within(self._timeout), tell))

    def close(self) -> None:
        """Cancels what is under way and takes no more."""
        self._remote.close()

    async def _judge(self, tasks: Sequence[RelevanceTask], ends: float, client: Client) -> list[Judged]:
        if not tasks:
            return []
        wire = await self._asked_once(client, ends)
        failed: Callable[[Fault], Judged] = partial(Judged, None)
        try:
            return await _all([_or_fault(self._weigh(wire, task, ends, client), failed) for task in tasks])
        except* NoLogprobs:
            self._logprobs = False
        raise BackendError(_NO_LOGPROBS)

    async def _weigh(self, wire: Wire, task: RelevanceTask, ends: float, client: Client) -> Judged:
        if self._logprobs is False:
            raise NoLogprobs
        question = Question(PATH, await asyncio.to_thread(wire.judgement, task, self._image_url))
        _require_room(task, self.card.context, self.count)
        try:
            judged = await client.ask(question, ends, partial(read_judgement, images=_pictures(task)))
        except Refused:
            if self._logprobs is None and await self._replies(wire, task, ends, client):
                raise NoLogprobs from None
            raise
        self._logprobs = True
        return judged

    async def _replies(self, wire: Wire, task: RelevanceTask, ends: float, client: Client) -> bool:
        """Whether the server replies where no log-probabilities are asked for: some refuse the request that does."""
        plain = replace(wire, held=False)
        question = Question(PATH, await asyncio.to_thread(plain.completion, task, self._image_url))
        try:
            await client.ask(question, ends, read_completion)
        except BackendError:
            return False
        return True

    async def _complete(self, tasks: Sequence[Task], ends: float, tell: OnText | None, client: Client) -> list[Reply]:
        if not tasks:
            return []
        wire = await self._asked_once(client, ends)
        failed: Callable[[Fault], Reply] = partial(Reply, None)
        return await _all(
            [
                _or_fault(self._write(wire, task, ends, client, partial(tell, place) if tell else None), failed)
                for place, task in enumerate(tasks)
            ]
        )

    async def _write(self, wire: Wire, task: Task, ends: float, client: Client, tell: Tell | None) -> Reply:
        _require_room(task, self.card.context, self.count)
        read = partial(read_completion, images=_pictures(task))
        if tell and self._streams is not False:
            reply = await self._streamed(wire, task, ends, client, tell, read)
            if reply is not None:
                return reply
        question = Question(PATH, await asyncio.to_thread(wire.completion, task, self._image_url))
        reply = await client.ask(question, ends, read)
        if tell and self._streams is None:
            self._streams = False  # it replies, and has refused to stream
        if tell and reply.text:
            tell(reply.text)
        return reply

    async def _streamed(
        self, wire: Wire, task: Task, ends: float, client: Client, tell: Tell, read: Callable[[Any], Reply]
    ) -> Reply | None:
        """The reply, told as it comes; None where the server refuses a request that asks for a stream."""
        heard = Heard(tell)
        question = Question(PATH, await asyncio.to_thread(wire.completion, task, self._image_url, stream=True))
        try:
            reply = await client.ask(question, ends, read, heard)
        except BackendError as error:
            if heard.told:
                return read(heard.whole()) if heard.finished else heard.cut(error)
            if self._streams is None and isinstance(error, Refused) and error.status in _NOT_UNDERSTOOD:
                return None
            raise
        self._streams = True
        if reply.text and not heard.told:
            tell(reply.text)  # the server took no notice, and replied in one piece
        return reply

    async def _asked_once(self, client: Client, ends: float) -> Wire:
        """How this server is asked: found out once, where the user did not say."""
        if self._known is None and self._dialect and self._wire.model:
            self._known = replace(self._wire, dialect=DIALECTS[self._dialect])
        if self._known is None:
            self._known = self._wire_of(await self._introduced(client, ends))
        return self._known

    async def _introduced(self, client: Client, ends: float) -> Served:
        try:
            return await client.ask(Question("/models"), ends, served)
        except BackendError as error:
            unreached = error.retryable and not isinstance(error, Refused)
            if unreached or not self._wire.model:
                raise
            return Served((), DIALECTS["openai"])  # not every server lists its models

    def _wire_of(self, said: Served) -> Wire:
        model = self._wire.model or (said.models[0] if len(said.models) == 1 else "")
        if not model:
            names = ", ".join(said.models[:8]) or "none"
            raise BackendError(f"name a model with model=: the server has {names}")
        return replace(self._wire, model=model, dialect=DIALECTS[self._dialect] if self._dialect else said.dialect)


def _in_loop(on_text: OnText) -> OnText:
    """Calls `on_text` in the running loop, from whichever thread."""
    loop = asyncio.get_running_loop()

    def tell(place: int, text: str) -> None:
        loop.call_soon_threadsafe(on_text, place, text)

    return tell


def with_version(base_url: str) -> str:
    """`base_url`, with /v1 where it names no path."""
    return base_url if urlsplit(base_url).path else f"{base_url}/v1"


async def _all(jobs: Sequence[Awaitable[T]]) -> list[T]:
    """All at once, in order. A cancellation or a bug ends all of them."""
    async with asyncio.TaskGroup() as group:
        running = [group.create_task(_awaited(job)) for job in jobs]
    return [task.result() for task in running]


async def _awaited(job: Awaitable[T]) -> T:
    return await job


async def _or_fault(job: Awaitable[T], failed: Callable[[Fault], T]) -> T:
    """What the job gives, or its fault in that place."""
    try:
        return await job
    except Unreadable as error:
        return failed(Fault("image_unread", str(error)))
    except BackendError as error:
        return failed(Fault("backend_error", str(error)))


def _pictures(task: Task) -> int:
    return len(list(images(task.messages())))


def _require_room(task: Task, context: int, count: Callable[[Sequence[Message]], int]) -> None:
    """Raises BackendError for a task that surely does not fit: the estimate is about a third too high at most."""
    taken = count(task.messages()) * 2 // 3 + task.reply_tokens
    if taken > context:
        raise BackendError(f"the prompt and its reply take about {taken} tokens; the model's context is {context}")
