"""The process: it listens, and when it is told to end it finishes what it has begun."""

import socket
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from types import FrameType
from typing import Any, cast

import uvicorn
from fastapi import FastAPI

from rag_reasoner.errors import InvalidInput
from rag_reasoner.server.life import Life
from rag_reasoner.server.protocol import Patience, PatientProtocol
from rag_reasoner.server.settings import ServerSettings


def listen(app: FastAPI, settings: ServerSettings, host: str, port: int, tell: Callable[[str], None]) -> None:
    """Serve until SIGTERM or SIGINT; `tell` is told the address as soon as it is open.

    The first signal takes the server out of service: /readyz and new work get 503, what is under way may take
    `settings.drain_seconds`. A second signal ends it at once. Raises InvalidInput where it cannot listen.
    """
    patience = Patience(settings.header_seconds, settings.stall_seconds, settings.max_connections)
    sockets = _opened(host, port)
    config = uvicorn.Config(
        app,
        http=cast(Any, partial(PatientProtocol, patience=patience)),
        ws="none",
        loop="asyncio",
        lifespan="on",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=5,
        timeout_graceful_shutdown=5,
        h11_max_incomplete_event_size=64 << 10,
    )
    _Listening(config, app.state.life, settings.drain_seconds, tell).run(sockets)


def _opened(host: str, port: int) -> list[socket.socket]:
    """A listening socket for each address of `host` that this machine has. Raises InvalidInput where there is none."""
    opened: list[socket.socket] = []
    refused = ""
    try:
        for family, _, _, _, address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
            with suppress(OSError):
                opened.append(socket.create_server(address[:2], family=family, backlog=2048))
    except socket.gaierror as error:
        refused = f" ({error.strerror})"
    if not opened:
        raise InvalidInput(f"{host} port {port} cannot be listened on{refused}: give another --port or --host")
    return opened


class _Listening(uvicorn.Server):
    """uvicorn's server closes its door with the first signal; this one says 503 at the door until it is done."""

    def __init__(self, config: uvicorn.Config, life: Life, drain_seconds: float, tell: Callable[[str], None]) -> None:
        super().__init__(config)
        self._life, self._drain_seconds, self._tell = life, drain_seconds, tell
        self._ends = 0.0

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        for server in self.servers:
            for one in server.sockets:
                host, port = one.getsockname()[:2]
                self._tell(f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}")

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if self._life.draining:
            self._ends = 0.0
            return
        self._life.draining = True
        self._ends = time.monotonic() + self._drain_seconds

    async def on_tick(self, counter: int) -> bool:
        if self._life.draining and (not self._life.taken or time.monotonic() >= self._ends):
            self._life.over.set()
            return True
        return await super().on_tick(counter)
