"""The gate that every request passes: who asks, how much, for how long, and what is said when something goes wrong."""

import asyncio
import hmac
from asyncio import FIRST_COMPLETED
from collections.abc import Collection
from contextlib import ExitStack
from typing import Any

from rag_reasoner.server.body import Body, ClientLeft, header
from rag_reasoner.server.life import Life, draining
from rag_reasoner.server.problems import ASGI, Problem
from rag_reasoner.server.settings import ServerSettings
from rag_reasoner.server.told import unexpected

_GRACE_SECONDS = 5.0

WORK = ("/v1/", "/v2/")
"""Paths below which there is work: refused while draining, and counted."""


class Gate:
    """ASGI middleware. `open_paths` are served to everyone; all others need the token, if there is one."""

    def __init__(self, app: ASGI, settings: ServerSettings, life: Life, open_paths: frozenset[str]) -> None:
        self._app, self._settings, self._life, self._open = app, settings, life, open_paths

    async def __call__(self, scope: ASGI, receive: ASGI, send: ASGI) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        reply = _Reply(send)
        body = Body(self._settings, self._life)
        try:
            await self._served(scope, receive, reply, body)
        except ClientLeft:
            return
        except Problem as problem:
            await reply.refuse(problem, body, receive)
        except Exception as error:  # noqa: BLE001 - whatever went wrong, its message may hold a document's text
            await reply.refuse(unexpected(error), body, receive)
        finally:
            body.release()

    async def _served(self, scope: ASGI, receive: ASGI, reply: "_Reply", body: Body) -> None:
        self._called_by_name(scope)
        self._may_enter(scope)
        with ExitStack() as stack:
            if scope["path"].startswith(WORK):
                stack.enter_context(self._life.takes())
            has_body = scope["method"] in ("POST", "PUT", "PATCH")
            content = await self._life.unless_over(body.read(scope, receive)) if has_body else b""
            if scope["path"].startswith(WORK):
                stack.enter_context(self._life.works(self._settings.max_waiting))
            await self._watched(scope, content, receive, reply)

    def _called_by_name(self, scope: ASGI) -> None:
        hosts = self._settings.hosts
        if hosts and _hostname(header(scope, b"host")) not in hosts:
            said = f"this server is called {' or '.join(hosts)}; a token lets it be called by other names"
            raise Problem(421, "wrong_host", said, close=True)

    def _may_enter(self, scope: ASGI) -> None:
        if self._settings.token is None or scope["path"] in self._open:
            return
        scheme, _, given = header(scope, b"authorization").partition(b" ")
        if scheme.lower() != b"bearer" or not hmac.compare_digest(given.strip(), self._settings.token.encode()):
            raise Problem(401, "unauthorized", "send the server's token as Authorization: Bearer …", close=True)

    async def _watched(self, scope: ASGI, content: bytes, receive: ASGI, reply: "_Reply") -> None:
        """The app's reply, unless the client leaves, the time is up, or the server is to stop: then it is cancelled."""
        work = asyncio.ensure_future(self._app(scope, _replayed(content), reply.send))
        left, over = asyncio.ensure_future(_gone(receive)), asyncio.ensure_future(self._life.over.wait())
        try:
            ended = await self._first((work, left, over), reply)
            if work in ended or reply.complete:
                await work
            elif over in ended:
                raise draining()
            elif left in ended:
                raise ClientLeft
            else:
                said = f"the request took more than {self._settings.request_seconds:g} seconds; send fewer documents"
                raise Problem(504, "too_slow", said, close=True)
        finally:
            for task in (work, left, over):
                task.cancel()
            await asyncio.gather(work, left, over, return_exceptions=True)

    async def _first(self, tasks: Collection["asyncio.Future[Any]"], reply: "_Reply") -> "set[asyncio.Future[Any]]":
        """Those that have ended first, in the time that a request may take; a stream may then still say so itself."""
        ended, _ = await asyncio.wait(tasks, timeout=self._settings.request_seconds, return_when=FIRST_COMPLETED)
        if not ended and reply.started:
            ended, _ = await asyncio.wait(tasks, timeout=_GRACE_SECONDS, return_when=FIRST_COMPLETED)
        return ended


class _Reply:
    """What has been sent so far, so that a refusal is sent only where nothing has been."""

    def __init__(self, send: ASGI) -> None:
        self._send = send
        self.started = self.complete = False

    async def send(self, message: ASGI) -> None:
        if message["type"] == "http.response.start":
            self.started = True
        await self._send(message)
        if message["type"] == "http.response.body" and not message.get("more_body"):
            self.complete = True

    async def refuse(self, problem: Problem, body: Body, receive: ASGI) -> None:
        """Say what is wrong, wholly, before the connection is closed under a client that still sends."""
        if self.started:
            return
        await self.send(problem.start())
        await self.send({"type": "http.response.body", "body": problem.body, "more_body": True})
        if problem.close:
            await body.discard(receive)
        await self.send({"type": "http.response.body", "body": b""})


def _replayed(content: bytes) -> ASGI:
    """A `receive` that gives the body once, and then waits: who leaves is noticed elsewhere."""
    given = False

    async def receive() -> ASGI:
        nonlocal given
        if given:
            await asyncio.Event().wait()
        given = True
        return {"type": "http.request", "body": content, "more_body": False}

    return receive


async def _gone(receive: ASGI) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _hostname(host: bytes) -> str:
    name = host.decode("latin-1").lower()
    return name.partition("]")[0] + "]" if name.startswith("[") else name.partition(":")[0]
