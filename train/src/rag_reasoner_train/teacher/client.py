"""A teacher behind any OpenAI-compatible endpoint: chat completions with text and images, asked with patience."""

import asyncio
import base64
import io
import json
import os
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import httpx

from rag_reasoner.errors import BackendError, InvalidInput
from rag_reasoner.messages import ImagePart, Message, Part
from rag_reasoner.types import Image

KEY = "RAG_REASONER_TEACHER_KEY"
"""The variable of the environment that holds the teacher's API key. It is sent to the teacher and written nowhere."""

_LARGEST_REPLY = 4 << 20
_REFUSES_THE_ROW = frozenset((400, 413, 422))
_ASK_AGAIN = frozenset((408, 409, 425, 429))
_LONGEST_REASON = 200
_LONGEST_WAIT = 60.0

LoadImage = Callable[[Image], Any]


class Refused(BackendError):
    """The teacher does not take this one request; others may fare better."""


class Busy(BackendError):
    """The teacher may be asked again, after `wait` seconds where it says so."""

    def __init__(self, message: str, wait: float | None = None) -> None:
        super().__init__(message, retryable=True)
        self.wait = wait


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where the teacher is, and how patiently it is asked. `url` is what comes before `/chat/completions`."""

    url: str
    model: str
    attempts: int = 5
    seconds: float = 180.0
    concurrency: int = 8
    tokens: int = 2048
    temperature: float = 0.2
    first_wait: float = 1.0
    key: str = field(default_factory=lambda: os.environ.get(KEY, ""), repr=False)

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise InvalidInput("the teacher's address must begin with http:// or https:// and name a host")
        if parts.username or parts.password:
            raise InvalidInput(f"the teacher's address must not hold a password: set {KEY} instead")

    @property
    def host(self) -> str:
        """What is named in messages: never the path, which may hold a secret."""
        return str(urlsplit(self.url).hostname)


class Teacher:
    """Asks the teacher, at most `concurrency` requests at a time. Belongs to one event loop; use as a context."""

    def __init__(self, endpoint: Endpoint, load_image: LoadImage) -> None:
        self.endpoint = endpoint
        self._load_image = load_image
        self._turnstile = asyncio.Semaphore(endpoint.concurrency)
        headers = {"Authorization": f"Bearer {endpoint.key}"} if endpoint.key else {}
        self._http = httpx.AsyncClient(headers=headers, timeout=httpx.Timeout(endpoint.seconds, connect=20.0))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.aclose()

    async def ask(self, messages: Sequence[Message]) -> str:
        """The teacher's reply. Raises Refused for a request that it does not take, BackendError where it is away."""
        async with self._turnstile:
            body = await asyncio.to_thread(self._body, messages)  # images are decoded elsewhere, which takes its time
            return await self._patiently(body)

    def _body(self, messages: Sequence[Message]) -> dict[str, Any]:
        return {
            "model": self.endpoint.model,
            "messages": [self._as_json(message) for message in messages],
            "max_tokens": self.endpoint.tokens,
            "temperature": self.endpoint.temperature,
        }

    async def _patiently(self, body: dict[str, Any]) -> str:
        for attempt in range(1, self.endpoint.attempts + 1):
            try:
                return await self._once(body)
            except BackendError as error:
                if not error.retryable or attempt == self.endpoint.attempts:
                    raise
                await asyncio.sleep(self._wait(error, attempt))
        raise AssertionError("attempts is at least 1")

    def _wait(self, error: BackendError, attempt: int) -> float:
        """As long as the teacher asks for, else longer each time and never as long as another's wait."""
        asked = error.wait if isinstance(error, Busy) else None
        backoff = self.endpoint.first_wait * 2 ** (attempt - 1) * (0.5 + random.random())
        return min(asked if asked is not None else backoff, _LONGEST_WAIT)

    async def _once(self, body: dict[str, Any]) -> str:
        url = f"{self.endpoint.url.rstrip('/')}/chat/completions"
        try:
            async with asyncio.timeout(self.endpoint.seconds), self._http.stream("POST", url, json=body) as response:
                content = await self._content(response)
        except (httpx.HTTPError, TimeoutError) as error:
            raise self._error(f"could not be asked ({type(error).__name__})", retryable=True) from error
        if response.status_code != httpx.codes.OK:
            raise self._status_error(response, content)
        return self._reply(content)

    async def _content(self, response: httpx.Response) -> bytes:
        content = b""
        async for block in response.aiter_bytes():
            content += block
            if len(content) > _LARGEST_REPLY:
                raise self._error(f"sent more than {_LARGEST_REPLY >> 20} MB", retryable=False)
        return content

    def _reply(self, content: bytes) -> str:
        try:
            reply = json.loads(content)["choices"][0]["message"]["content"]
        except (ValueError, LookupError, TypeError, RecursionError) as error:
            raise self._error("sent something that is no chat completion", retryable=True) from error
        if not isinstance(reply, str) or not reply.strip():
            raise self._error("sent an empty reply", retryable=True)
        return reply

    def _status_error(self, response: httpx.Response, content: bytes) -> BackendError:
        status = response.status_code
        what = f"answered {status}{self._reason(content)}"
        if status in _REFUSES_THE_ROW:
            return Refused(f"the teacher {self.endpoint.host} {what}")
        if status in _ASK_AGAIN or status >= httpx.codes.INTERNAL_SERVER_ERROR:
            return Busy(f"the teacher {self.endpoint.host} {what}", _seconds(response.headers.get("retry-after")))
        return self._error(what, retryable=False)

    def _reason(self, content: bytes) -> str:
        """What the teacher says is wrong; never with the key, which some servers repeat."""
        try:
            reason = " ".join(str(json.loads(content)["error"]["message"]).split())[:_LONGEST_REASON]
        except (ValueError, LookupError, TypeError, RecursionError):
            return ""
        key = self.endpoint.key
        return f": {reason.replace(key, '…') if key else reason}"

    def _error(self, what: str, *, retryable: bool) -> BackendError:
        return BackendError(f"the teacher {self.endpoint.host} {what}", retryable=retryable)

    def _as_json(self, message: Message) -> dict[str, Any]:
        if not any(isinstance(part, ImagePart) for part in message.parts):
            text = "".join(part.text for part in message.parts if not isinstance(part, ImagePart))
            return {"role": message.role, "content": text}
        return {"role": message.role, "content": [self._part(part) for part in message.parts]}

    def _part(self, part: Part) -> dict[str, Any]:
        if not isinstance(part, ImagePart):
            return {"type": "text", "text": part.text}
        pixels = io.BytesIO()
        self._load_image(part.image).save(pixels, "PNG")
        data = base64.b64encode(pixels.getvalue()).decode()
        return {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{data}"}}


def _seconds(header: str | None) -> float | None:
    """A Retry-After in seconds; a date is taken as none."""
    try:
        return max(float(header), 0.0) if header else None
    except ValueError:
        return None
