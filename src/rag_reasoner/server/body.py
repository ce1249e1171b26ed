"""A request's body, read whole within limits of size, time and depth, before anything parses it."""

import asyncio
import time

from rag_reasoner.server.life import Life
from rag_reasoner.server.problems import ASGI, Problem
from rag_reasoner.server.settings import ServerSettings
from rag_reasoner.server.shape import Shape

_SLICE = 16 << 10


class ClientLeft(Exception):
    """The client has closed the connection; nobody is there to be told."""


class Body:
    """Reads one body and gives back, by `release`, the room that it took."""

    def __init__(self, settings: ServerSettings, life: Life) -> None:
        self._settings, self._life = settings, life
        self._pieces: list[bytes] = []
        self._size = 0
        self.complete = False

    async def read(self, scope: ASGI, receive: ASGI) -> bytes:
        """The whole body. Raises Problem for one that is too large, slow, deep, or no UTF-8, and ClientLeft."""
        self._small_enough(_declared(scope))
        json = is_json(scope)
        shape = Shape()
        started = time.monotonic()
        while not self.complete:
            piece = await self._piece(receive, started)
            for start in range(0, len(piece) if json else 0, _SLICE):
                self._simple_enough(shape, piece[start : start + _SLICE])
                await asyncio.sleep(0)  # a large body must not keep other connections waiting
        body = b"".join(self._pieces)
        self._pieces.clear()
        return _utf8(body) if json else body

    def release(self) -> None:
        """Forget what was read."""
        self._life.buffered -= self._size
        self._size = 0
        self._pieces.clear()

    async def discard(self, receive: ASGI, seconds: float = 5.0) -> None:
        """Take in, and forget, what the client is still sending: closed at once, it would never read the reply."""
        left = 2 * self._settings.max_body
        try:
            async with asyncio.timeout(seconds):
                while not self.complete and left > 0:
                    message = await receive()
                    left -= len(message.get("body", b""))
                    self.complete = message["type"] == "http.disconnect" or not message.get("more_body")
        except TimeoutError:
            return

    async def _piece(self, receive: ASGI, started: float) -> bytes:
        allowed = self._settings.body_seconds + self._size / self._settings.slowest_body
        try:
            async with asyncio.timeout(max(started + allowed - time.monotonic(), 0)):
                message = await receive()
        except TimeoutError:
            raise Problem(
                408, "too_slow", f"the body did not come within {allowed:.0f} seconds; send it faster", close=True
            ) from None
        if message["type"] == "http.disconnect":
            raise ClientLeft
        piece: bytes = message.get("body", b"")
        self.complete = not message.get("more_body", False)
        self._keep(piece)
        return piece

    def _keep(self, piece: bytes) -> None:
        self._small_enough(self._size + len(piece))
        if self._life.buffered + len(piece) > self._settings.max_buffered:
            raise Problem(503, "busy", "too many large requests at once; try again later", retry_after=2, close=True)
        self._size += len(piece)
        self._life.buffered += len(piece)
        self._pieces.append(piece)

    def _small_enough(self, size: int) -> None:
        most = self._settings.max_body
        if size > most:
            said = f"the body has more than {most:,} bytes; send fewer documents, or smaller images"
            raise Problem(413, "too_large", said, close=True)

    def _simple_enough(self, shape: Shape, piece: bytes) -> None:
        shape.feed(piece)
        depth, values = self._settings.max_depth, self._settings.max_values
        if shape.deepest > depth:
            raise Problem(400, "too_deep", f"the JSON is nested deeper than {depth}; send it flatter", close=True)
        if shape.values > values:
            raise Problem(413, "too_large", f"the JSON has more than {values:,} values; send fewer", close=True)


def is_json(scope: ASGI) -> bool:
    """Whether the request says that its body is JSON."""
    kind = header(scope, b"content-type").partition(b";")[0].strip().lower()
    return kind == b"application/json" or (kind.startswith(b"application/") and kind.endswith(b"+json"))


def header(scope: ASGI, name: bytes) -> bytes:
    """The first header of that name; empty where there is none."""
    return next((bytes(value) for key, value in scope["headers"] if key == name), b"")


def _declared(scope: ASGI) -> int:
    declared = header(scope, b"content-length")
    return int(declared) if declared.isdigit() else 0


def _utf8(body: bytes) -> bytes:
    try:
        body.decode()
    except UnicodeDecodeError as error:
        said = f"the body is not UTF-8 at byte {error.start}; send JSON in UTF-8"
        raise Problem(400, "bad_encoding", said) from None
    return body
