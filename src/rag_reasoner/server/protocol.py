"""HTTP/1.1 with patience that ends: who is slow to ask is closed, and never keeps others out."""

import asyncio
import json
from dataclasses import dataclass, field
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol


@dataclass(slots=True)
class Patience:
    """How long a client may take to ask and to read on, how many there may be, and which of them have not asked yet."""

    header_seconds: float
    stall_seconds: float
    max_connections: int
    silent: dict["PatientProtocol", None] = field(default_factory=dict)


class PatientProtocol(H11Protocol):
    """uvicorn's protocol, which by itself waits for headers for ever and tells of errors in plain text."""

    def __init__(self, *args: Any, patience: Patience, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._patience = patience
        self._impatience: asyncio.TimerHandle | None = None
        self._stalled: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if len(self.connections) > self._patience.max_connections:
            self._make_room()
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        self._heard()
        self._read_on()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._owes:
            self._wait()
        else:
            self._heard()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self._owes:
            self._wait()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._stalled = self.loop.call_later(self._patience.stall_seconds, self.transport.abort)

    def resume_writing(self) -> None:
        self._read_on()
        super().resume_writing()

    def _read_on(self) -> None:
        if self._stalled is not None:
            self._stalled.cancel()
            self._stalled = None

    @property
    def _owes(self) -> bool:
        """Whether the client has yet to ask something whole: its headers, or the rest of a body nobody wanted."""
        return self.conn.their_state is h11.IDLE or self.conn.our_state in (h11.DONE, h11.MUST_CLOSE)

    def send_400_response(self, msg: str) -> None:
        self._refuse(400, "bad_request", "this is no HTTP request that can be read; check its headers and its length")

    def _wait(self) -> None:
        """Headers are awaited, from now on if they were not before."""
        self._patience.silent[self] = None
        if self._impatience is None:
            self._impatience = self.loop.call_later(self._patience.header_seconds, self._too_slow)

    def _heard(self) -> None:
        self._patience.silent.pop(self, None)
        if self._impatience is not None:
            self._impatience.cancel()
            self._impatience = None

    def _too_slow(self) -> None:
        seconds = self._patience.header_seconds
        self._refuse(408, "too_slow", f"the request did not come within {seconds:g} seconds")

    def _make_room(self) -> None:
        """Those go that are closed but for what their clients do not read, and the longest silent one.

        Where all the others are being answered, this one goes.
        """
        for other in [other for other in self.connections if other.transport.is_closing()]:
            other.transport.abort()
        oldest = next(iter(self._patience.silent), self)
        oldest._refuse(503, "busy", "too many connections; try again later")

    def _refuse(self, status: int, kind: str, message: str) -> None:
        """Tell what is wrong, if nothing was told before, and close."""
        self._heard()
        if self.transport.is_closing():
            return
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            body = json.dumps({"message": message, "error": kind}).encode()
            headers = [
                ("content-type", "application/json"),
                ("content-length", str(len(body))),
                ("connection", "close"),
            ]
            response = h11.Response(status_code=status, headers=headers, reason=b"")
            for event in (response, h11.Data(data=body), h11.EndOfMessage()):
                self.transport.write(self.conn.send(event) or b"")
        self.transport.close()
