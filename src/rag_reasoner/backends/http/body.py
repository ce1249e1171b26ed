"""Reading a reply: as JSON, and never more of it than fits, whatever it unpacks to."""

import json
import zlib
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
        self._most, self._have = most, bytearray()
        self._unpack = zlib.decompressobj(_WINDOWS[encoding]) if encoding else None

    def add(self, piece: bytes) -> None:
        room = self._most - len(self._have) + 1
        self._have += self._unpack.decompress(piece, room) if self._unpack else piece[:room]
        if len(self._have) > self._most:
            raise Trouble(Kind.FINAL, f"the server's reply is longer than {self._most:,} bytes")

    def whole(self) -> bytes:
        if self._unpack is not None and not self._unpack.eof:
            raise Trouble(Kind.MALFORMED, "the server's reply breaks off")
        return bytes(self._have)


async def read_body(response: "httpx.Response", most: int = MOST_BYTES) -> bytes:
    """The body, unpacked. Raises Trouble where it is too long or packed in a way that we did not ask for."""
    encoding = response.headers.get("content-encoding", "").strip().lower().replace("identity", "")
    if encoding and encoding not in _WINDOWS:
        raise Trouble(Kind.FINAL, "the server packs its replies in a way that was not asked for")
    body = _Bounded(encoding, most)
    try:
        async for piece in response.aiter_raw(2**16):
            body.add(piece)
    except zlib.error:
        raise Trouble(Kind.MALFORMED, "the server's reply cannot be unpacked") from None
    return body.whole()


def as_json(body: bytes) -> Any:
    """The value of `body`. Raises Trouble for what is no JSON, not UTF-8, or nested without end."""
    try:
        return json.loads(body.decode("utf-8"))
    except (ValueError, RecursionError):
        raise Trouble(Kind.MALFORMED, _UNPLAYABLE) from None
