"""What a client is told when something is wrong: one JSON object, never a traceback, a path or a document's text."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

ASGI = Any
"""A scope, a message or a callable of ASGI: plain dictionaries and functions that no package types for us."""


@dataclass(slots=True)
class Problem(Exception):
    """A request that cannot be served: HTTP status, a kind for programs, and a sentence for people."""

    status: int
    kind: str
    message: str
    retry_after: int | None = None
    close: bool = False

    @property
    def body(self) -> bytes:
        return json.dumps({"message": self.message, "error": self.kind}).encode()

    @property
    def headers(self) -> Mapping[str, str]:
        headers = {"content-type": "application/json"}
        if self.retry_after is not None:
            headers["retry-after"] = str(self.retry_after)
        if self.status == 401:
            headers["www-authenticate"] = "Bearer"
        if self.close:
            headers["connection"] = "close"
        return headers

    def start(self) -> dict[str, Any]:
        """The message of ASGI that begins the reply."""
        sized = {**self.headers, "content-length": str(len(self.body))}
        pairs = [(name.encode(), value.encode()) for name, value in sized.items()]
        return {"type": "http.response.start", "status": self.status, "headers": pairs}
