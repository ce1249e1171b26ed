"""A server over raw sockets that fails in every way a server can: one fault at a time, on purpose.

The first path segment chooses: `/hang/v1/chat/completions` hangs. `good` replies well. A document text or a query that
says "fault=hang" chooses too, so that one request among many fails.
"""

import asyncio
import contextlib
import gzip
import json
import re
import socket
import struct
import threading
from collections import Counter
from email.utils import formatdate

BOMB = gzip.compress(b" " * 2**28, 9)
SILENT_KINDS = ("hang", "drip", "endless", "header_flood")
KINDS = (
    "close", "reset_in_body", "short_body", "truncated_json", "html", "wrong_schema", "empty_choices", "content_null",
    "length", "hang", "drip", "endless", "gzip_bomb", "retry_after_seconds", "retry_after_date", "retry_after_day",
    "500", "502", "503", "401", "403", "400", "redirect", "bad_utf8", "header_flood",
)  # fmt: skip
STREAM_KINDS = (
    "stream_cut", "stream_reset", "stream_unended", "stream_error", "stream_hang", "stream_drip", "stream_endless",
    "stream_comments", "stream_bomb", "stream_no_json", "stream_bad_utf8", "stream_length", "stream_late_fault",
)  # fmt: skip
"""Faults of replies that come as server-sent events; these come whether or not a stream was asked for."""
BEGUN = "<evidence>\n[1] no: says"


def chat_reply(text, finish="stop", **message):
    choice = {"index": 0, "message": {"role": "assistant", "content": text, **message}, "finish_reason": finish}
    usage = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}
    return {"id": "x", "object": "chat.completion", "choices": [choice], "usage": usage}


def perfect(body):
    """Ranks the documents shown in reverse and quotes nothing."""
    text = body["messages"][-1]["content"]
    text = text if isinstance(text, str) else "".join(part.get("text", "") for part in text)
    count = len(re.findall(r"^\[(\d+)\] ", text, re.MULTILINE))
    lines = "".join(f"[{n}] no: says nothing of it\n" for n in range(1, count + 1))
    ranking = " > ".join(str(n) for n in range(count, 0, -1))
    return chat_reply(f"<evidence>\n{lines}</evidence>\n<rank>{ranking}</rank>")


def event(value):
    return b"data: " + (value if isinstance(value, bytes) else json.dumps(value).encode()) + b"\n\n"


def delta(text, finish=None):
    return event({"choices": [{"index": 0, "delta": {"content": text}, "finish_reason": finish}]})


def as_events(said, size=7):
    """A chat completion as a stream: a role, the text in pieces, the finish, the usage, and the end mark."""
    (choice,) = said["choices"]
    text = choice["message"]["content"] or ""
    role = {"choices": [{"index": 0, "delta": {"role": "assistant", "content": ""}, "finish_reason": None}]}
    pieces = [delta(text[start : start + size]) for start in range(0, len(text), size)]
    end = {"choices": [{"index": 0, "delta": {}, "finish_reason": choice["finish_reason"]}]}
    return [event(role), *pieces, event(end), event({"choices": [], "usage": said.get("usage")}), event(b"[DONE]")]


class FaultyServer:
    """Listens on loopback, on a loop and a thread of its own; `requests` counts what came in, by fault and body."""

    def __init__(self, reply=perfect, streams=True, refuses=None):
        self.streams, self.refuses = streams, refuses
        self.reply, self.requests, self.bodies, self.open = reply, Counter(), [], 0
        self.keys = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self):
        self._thread.start()
        self._server = asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result()
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    def __exit__(self, *_):
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def url(self, kind="good"):
        return f"http://127.0.0.1:{self.port}/{kind}/v1"

    async def _listen(self):
        return await asyncio.start_server(self._serve, "127.0.0.1", 0, limit=2**26)

    async def _stop(self):
        self._server.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _serve(self, reader, writer):
        self.open += 1
        try:
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
                while await self._one(reader, writer):
                    pass
        finally:
            self.open -= 1
            with contextlib.suppress(ConnectionError, asyncio.CancelledError):
                writer.close()
                await writer.wait_closed()

    async def _one(self, reader, writer):
        head = await reader.readuntil(b"\r\n\r\n")
        length = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
        raw = await reader.readexactly(int(length[1])) if length else b""
        self.keys += re.findall(rb"(?i)authorization: (.*)\r\n", head)
        path = head.split(b" ", 2)[1].decode()
        chosen = re.search(rb"fault=([a-z0-9_]+)", raw)
        kind = chosen[1].decode() if chosen else path.split("/")[1]
        self.requests[kind] += 1
        self.bodies.append(raw)
        if kind == "good":
            asked = json.loads(raw) if raw else None
            if asked and self.refuses in asked:
                writer.write(whole(b"{}", status="422 Unprocessable"))
                await writer.drain()
                return True
            said = self.reply(asked)
            if asked and asked.get("stream") and self.streams:
                await streamed(writer, as_events(said))
            else:
                writer.write(whole(json.dumps(said).encode()))
            await writer.drain()
            return True
        if kind in STREAM_KINDS:
            await fail_in_stream(kind, reader, writer)
            return False
        await self._fail(kind, reader, writer)
        return False

    async def _fail(self, kind, reader, writer):  # noqa: C901 - a table of faults
        good = json.dumps(chat_reply("<rank>1</rank>")).encode()
        match kind:
            case "close":
                return
            case "reset_in_body":
                writer.write(head_of(length=len(good)) + good[:20])
                await writer.drain()
                reset(writer)
            case "short_body":
                writer.write(head_of(length=len(good)) + good[:20])
            case "truncated_json":
                writer.write(whole(good[:-10]))
            case "html":
                writer.write(whole(b"<html><body>It works!</body></html>", content="text/html"))
            case "wrong_schema":
                writer.write(whole(b'{"detail": [1, 2]}'))
            case "empty_choices":
                writer.write(whole(b'{"choices": []}'))
            case "content_null":
                writer.write(whole(json.dumps(chat_reply(None)).encode()))
            case "length":
                writer.write(whole(json.dumps(chat_reply("<evidence>\n[1] yes", "length")).encode()))
            case "hang":
                await reader.read()  # until the other side gives up
            case "drip":
                await drip(writer, good)
            case "endless":
                await endless(writer)
            case "gzip_bomb":
                writer.write(head_of(length=len(BOMB), extra="content-encoding: gzip\r\n") + BOMB)
            case "retry_after_seconds":
                writer.write(whole(b"{}", status="429 Busy", extra="retry-after: 1\r\n"))
            case "retry_after_date":
                writer.write(whole(b"{}", status="429 Busy", extra=f"retry-after: {formatdate(usegmt=True)}\r\n"))
            case "retry_after_day":
                writer.write(whole(b"{}", status="429 Busy", extra="retry-after: 86400\r\n"))
            case "redirect":
                writer.write(whole(b"", status="307 Elsewhere", extra="location: http://127.0.0.1:1/\r\n"))
            case "bad_utf8":
                writer.write(whole(b'{"choices": "\xff\xfe"}'))
            case "header_flood":
                await flood(writer)
            case status:
                said = json.dumps({"error": {"message": "secret words", "code": "context_length_exceeded"}})
                writer.write(whole(said.encode(), status=f"{status} Fault"))
        await writer.drain()


STREAM = {"content": "text/event-stream; charset=utf-8", "extra": "transfer-encoding: chunked\r\n"}


async def streamed(writer, events, *, ended=True):
    """Events as chunks of their own, and the last, empty chunk."""
    writer.write(head_of(**STREAM))
    for one in events:
        writer.write(b"%x\r\n%b\r\n" % (len(one), one))
        await writer.drain()
    writer.write(b"0\r\n\r\n" if ended else b"")


async def fail_in_stream(kind, reader, writer):  # noqa: C901 - a table of faults
    begun = [delta(BEGUN[:9]), delta(BEGUN[9:])]
    match kind:
        case "stream_cut":
            await streamed(writer, begun, ended=False)
        case "stream_reset":
            await streamed(writer, begun, ended=False)
            await asyncio.sleep(0.05)  # a reset takes along what was not yet read
            reset(writer)
            return
        case "stream_unended":
            await streamed(writer, begun)
        case "stream_error":
            await streamed(writer, [*begun, event({"error": {"message": "secret words"}})])
        case "stream_hang":
            await streamed(writer, begun, ended=False)
            await writer.drain()
            await reader.read()
        case "stream_drip":
            await drip(writer, b"".join(begun), content=STREAM["content"])
        case "stream_endless":
            await endless(writer, delta("words " * 1000), content=STREAM["content"])
        case "stream_comments":
            await endless(writer, b": still there\n\n" * 1000, content=STREAM["content"])
        case "stream_bomb":
            packed = "content-encoding: gzip\r\n"
            writer.write(head_of(length=len(BOMB), content=STREAM["content"], extra=packed) + BOMB)
        case "stream_no_json":
            await streamed(writer, [*begun, event(b"{oops")])
        case "stream_bad_utf8":
            await streamed(writer, [event(b'{"choices": "\xff\xfe"}')])
        case "stream_length":
            await streamed(writer, [*begun, delta("", "length"), event(b"[DONE]")])
        case "stream_late_fault":
            await streamed(writer, [*begun, delta("", "stop")], ended=False)
    await writer.drain()


def reset(writer):
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


def head_of(length=None, status="200 OK", content="application/json", extra=""):
    size = "" if length is None else f"content-length: {length}\r\n"
    return f"HTTP/1.1 {status}\r\ncontent-type: {content}\r\n{size}{extra}\r\n".encode()


def whole(body, **head):
    return head_of(length=len(body), **head) + body


async def drip(writer, body, **head):
    writer.write(head_of(length=len(body), **head))
    for byte in body:
        writer.write(bytes([byte]))
        await writer.drain()
        await asyncio.sleep(1)


async def endless(writer, piece=b" " * 2**16, **head):
    writer.write(head_of(**head))
    while True:
        writer.write(piece)
        await writer.drain()


async def flood(writer):
    writer.write(b"HTTP/1.1 200 OK\r\n")
    while True:
        writer.write(b"x-more: " + b"y" * 1000 + b"\r\n")
        await writer.drain()
