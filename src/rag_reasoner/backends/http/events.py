"""Server-sent events: a reply that comes in pieces, each heard when it comes."""

import re
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, Protocol

from rag_reasoner.backends.http.body import as_json, pieces

if TYPE_CHECKING:
    import httpx

TYPE = "text/event-stream"
_END = b"[DONE]"
_LINE_END = re.compile(rb"\r\n|\n|\r(?!\Z)")  # a \r that comes last may be half of a \r\n


class Listener(Protocol):
    """Hears the events of a reply, and says at their end what they are together."""

    @property
    def told(self) -> bool:
        """Whether something of this reply has gone where it cannot be taken back: then it is not asked for again."""

    def begin(self) -> None:
        """A reply begins; what was heard of another does not count."""

    def hear(self, event: Any) -> None:
        """The next event. Raises Trouble for one that cannot be read."""

    def whole(self) -> Any:
        """What an unstreamed reply would have been. Raises Trouble where the end is missing."""


class Events:
    """Cuts bytes into the data of events (WHATWG HTML, 9.2.6); fields that are not data, and comments, are left out."""

    def __init__(self) -> None:
        self._rest, self._data = b"", list[bytes]()

    def add(self, piece: bytes) -> list[bytes]:
        """The data of the events that end with this piece."""
        *lines, self._rest = _LINE_END.split(self._rest + piece)
        return [data for line in lines if (data := self._line(line)) is not None]

    def _line(self, line: bytes) -> bytes | None:
        if not line:
            data, self._data = self._data, []
            return b"\n".join(data) if data else None
        name, _, value = line.partition(b":")
        if name == b"data":
            self._data.append(value.removeprefix(b" "))
        return None


def streams(response: "httpx.Response") -> bool:
    """Whether the reply is one of events."""
    kind: str = response.headers.get("content-type", "")
    return kind.partition(";")[0].strip().lower() == TYPE


async def follow(response: "httpx.Response", listener: Listener) -> Any:
    """Lets `listener` hear every event up to the end mark; then what they are together. Raises Trouble."""
    events = Events()
    listener.begin()
    async with aclosing(pieces(response)) as coming:
        async for piece in coming:
            for data in events.add(piece):
                if data.strip() == _END:
                    return listener.whole()
                listener.hear(as_json(data))
    return listener.whole()
