"""Reading a reply: as JSON, and never more of it than fits, whatever it unpacks to."""

import json
import zlib
from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING, Any

from rag_reasoner.backends.http.retry import Kind, Trouble

if TYPE_CHECKING:
    import httpx

MOST_BYTES = 8 * 2**20
_WINDOWS = {"gzip": 31, "x-gzip": 31, "deflate": 15}
_UNPLAYABLE = "the server's reply is no JSON"


class _Bounded:
    """Unpacks piece by piece and stops at the limit: a bomb is noticed before it is unpacked."""

    def __init__(self, encoding: str, most: int) -> None:
        self._most, self._have = most, 0
        self._unpack = zlib.decompressobj(_WINDOWS[encoding]) if encoding else None

    def unpacked(self, piece: bytes) -> bytes:
        room = self._most - self._have + 1
        new = self._unpack.decompress(piece, room) if self._unpack else piece[:room]
        self._have += len(new)
        if self._have > self._most:
            raise Trouble(Kind.FINAL, f"the server's reply is longer than {self._most:,} bytes")
        return new

    def end(self) -> None:
        if self._unpack is not None and not self._unpack.eof:
            raise Trouble(Kind.MALFORMED, "the server's reply breaks off")


async def pieces(response: "httpx.Response", most: int = MOST_BYTES) -> AsyncGenerator[bytes]:
    """The body as it comes, unpacked. Raises Trouble where it is too long or packed in a way we did not ask for."""
    encoding = response.headers.get("content-encoding", "").strip().lower().replace("identity", "")
    if encoding and encoding not in _WINDOWS:
        raise Trouble(Kind.FINAL, "the server packs its replies in a way that was not asked for")
    body = _Bounded(encoding, most)
    try:
        async for piece in response.aiter_raw():
            yield body.unpacked(piece)
    except zlib.error:
        raise Trouble(Kind.MALFORMED, "the server's reply cannot be unpacked") from None
    body.end()


async def read_body(response: "httpx.Response", most: int = MOST_BYTES) -> bytes:
    """The whole body, unpacked. Raises Trouble as `pieces` does."""
    body = bytearray()
    async for piece in pieces(response, most):
        body += piece
    return bytes(body)


def as_json(body: bytes) -> Any:
    """The value of `body`. Raises Trouble for what is no JSON, not UTF-8, or nested without end."""
    try:
        return json.loads(body.decode("utf-8"))
    except (ValueError, RecursionError):
        raise Trouble(Kind.MALFORMED, _UNPLAYABLE) from None
