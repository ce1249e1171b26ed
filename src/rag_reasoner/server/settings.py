"""What the server allows."""

from dataclasses import dataclass, field

from rag_reasoner.candidates import from_one_up
from rag_reasoner.errors import InvalidInput


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """Limits of the server. Sizes are in bytes, times in seconds.

    `token` is what clients must send as `Authorization: Bearer …`; None lets everyone in. `hosts` are the names that
    the server may be called by (the Host header), which keeps web pages away that give their own name our address; none
    is any. `max_waiting` requests are worked on or wait at a time, `max_buffered` bytes of bodies are held meanwhile.
    Query and documents have up to `max_text` characters; a page has about 3,000. A body must come at `slowest_body`
    bytes a second or more, after a grace of `body_seconds`, and a reply must be read on within `stall_seconds`.

    Raises InvalidInput for a value that cannot be used.
    """

    token: str | None = field(default=None, repr=False)
    hosts: tuple[str, ...] = ()
    max_body: int = 32 << 20
    max_buffered: int = 256 << 20
    max_candidates: int = 100
    max_text: int = 4_000_000
    max_depth: int = 32
    max_values: int = 1_000_000
    max_waiting: int = 64
    max_connections: int = 512
    header_seconds: float = 10.0
    body_seconds: float = 20.0
    stall_seconds: float = 60.0
    slowest_body: int = 16 << 10
    request_seconds: float = 300.0
    drain_seconds: float = 30.0
    ready_seconds: float = 30.0
    heartbeat_seconds: float = 10.0

    def __post_init__(self) -> None:
        if self.token is not None and not (self.token.isascii() and self.token.isprintable() and self.token.strip()):
            raise InvalidInput("the token must be printable ASCII and not empty; make one with `openssl rand -hex 32`")
        for name in (name for name in self.__slots__ if name.startswith("max_")):
            from_one_up(name, getattr(self, name))
        for name in (
            "header_seconds",
            "body_seconds",
            "stall_seconds",
            "request_seconds",
            "ready_seconds",
            "heartbeat_seconds",
        ):
            if not getattr(self, name) > 0:
                raise InvalidInput(f"{name}={getattr(self, name)!r}: give a number above 0")
        if not self.drain_seconds >= 0:
            raise InvalidInput(f"drain_seconds={self.drain_seconds!r}: give a number from 0 up")
