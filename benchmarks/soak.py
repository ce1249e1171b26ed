"""A long run against `rag-reasoner serve` (R5): is a request lost, a reply wrong, anything leaked?

    python benchmarks/soak.py --requests 100000 --minutes 60

Starts the server as a process and asks it over raw sockets, 64 requests at a time: one in ten is broken in one of six
ways, one in twenty leaves before it has its reply, the others must get every document back exactly once, its own text
with it, and the one that has the question's word first. Ends after `--minutes` at the latest and says how often it
asked. What the server holds (descriptors, threads, children, memory) is compared with what it held after the warm-up.
"""

import argparse
import asyncio
import itertools
import json
import os
import random
import re
import signal
import socket
import struct
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from statistics import linear_regression

import psutil

TOKEN = "soak"  # noqa: S105 - the server's and ours, for this run
FAULTS, LEAVERS = 0.10, 0.05
WORDS = "basalt lava rock museum town harbour bridge winter census river coal glass".split()
RESET = struct.pack("ii", 1, 0)


@dataclass(slots=True)
class Held:
    """What the server holds, when nothing is asked of it."""

    descriptors: int
    threads: int
    children: int
    megabytes: float


@dataclass(slots=True)
class Report:
    """What came of it. `slope` is in MB of memory for every 1,000 requests after the warm-up."""

    counts: dict[str, int] = field(default_factory=Counter)
    wrong: dict[str, int] = field(default_factory=Counter)
    requests: int = 0
    seconds: float = 0.0
    before: Held | None = None
    after: Held | None = None
    slope: float = 0.0
    in_flight: float = 0.0
    exit_status: int | None = None


class Server:
    """`rag-reasoner serve` as a process."""

    def __init__(self, model: str) -> None:
        command = [str(Path(sys.executable).with_name("rag-reasoner")), "serve", "--port", "0", "--model", model]
        environment = {**os.environ, "PYTHONUNBUFFERED": "1", "RAG_REASONER_SERVER_TOKEN": TOKEN}
        self._process = subprocess.Popen([*command, "--max-waiting", "256"], stdout=subprocess.PIPE, env=environment)
        assert self._process.stdout
        self.port = int(self._process.stdout.readline().decode().rsplit(":", 1)[1])
        self._seen = psutil.Process(self._process.pid)

    def held(self) -> Held:
        seen = self._seen
        return Held(seen.num_fds(), seen.num_threads(), len(seen.children(recursive=True)), self.megabytes())

    def megabytes(self) -> float:
        return self._seen.memory_info().rss / 2**20

    def ends(self) -> int:
        """Asks it to end, and its exit status."""
        self._process.send_signal(signal.SIGTERM)
        try:
            return self._process.wait(60)
        finally:
            self.kill()

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()
        if self._process.stdout:
            self._process.stdout.close()


@contextmanager
def started(model: str) -> Iterator[Server]:
    server = Server(model)
    try:
        yield server
    finally:
        server.kill()


@dataclass(frozen=True, slots=True)
class Question:
    """A query whose word one document has, and no other; the number makes it unlike all other questions."""

    number: int
    documents: list[str]
    answer: int

    @classmethod
    def made(cls, number: int, chance: random.Random) -> "Question":
        documents = [f"{' '.join(chance.choices(WORDS, k=12))} {number}." for _ in range(chance.randint(2, 8))]
        answer = chance.randrange(len(documents))
        documents[answer] = f"{documents[answer][:-1]} key{number}."
        return cls(number, documents, answer)

    def body(self, name: str = "query", **more: object) -> bytes:
        return json.dumps({name: f"key{self.number}", "documents": self.documents, **more}).encode()

    def problem(self, reply: dict, *, by_words: bool) -> str | None:
        """What is wrong with a reply; None where it is right."""
        results = reply["results"]
        if sorted(one["index"] for one in results) != list(range(len(self.documents))):
            return "lost or doubled"
        if any(one["document"]["text"] != self.documents[one["index"]] for one in results):
            return "another's document"
        return "wrong order" if by_words and results[0]["index"] != self.answer else None


def head(path: str, length: int, token: str = TOKEN) -> bytes:
    lines = [f"POST {path} HTTP/1.1", "host: 127.0.0.1", "content-type: application/json", "connection: close"]
    return "\r\n".join([*lines, f"authorization: Bearer {token}", f"content-length: {length}", "", ""]).encode()


async def reply_to(port: int, *pieces: bytes, half_closed: bool = False) -> tuple[int, bytes]:
    """Status and body of the reply to these bytes; status 0 where none came."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        with suppress(ConnectionError):  # it may say no before it has heard everything
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
            if half_closed:
                writer.write_eof()
        content = b""
        with suppress(ConnectionError):
            content = await asyncio.wait_for(reader.read(-1), 120)
    finally:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()
    top, _, body = content.partition(b"\r\n\r\n")
    if b"chunked" in top:
        body = b"".join(re.split(rb"(?:\A|\r\n)[0-9a-f]+\r\n", body))
    return (int(top.split(b" ", 2)[1]) if top else 0), body


async def _leaves(port: int, pieces: list[bytes], seconds: float, *, rudely: bool) -> None:
    """Sends this, and is gone."""
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.writelines(pieces)
    with suppress(ConnectionError):
        await writer.drain()
        await asyncio.sleep(seconds)
    if rudely:
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        writer.transport.abort()
    writer.close()
    with suppress(ConnectionError):
        await writer.wait_closed()


class Soak:
    """Asks, and keeps the account."""

    def __init__(self, server: Server, chance: random.Random, *, by_words: bool, report: Report) -> None:
        self.server, self.port, self.chance, self.by_words, self.report = server, server.port, chance, by_words, report
        self._faults: list[Callable[[Question], Awaitable[bool]]] = [
            self.bad_json,
            self.short_body,
            self.reset,
            self.oversized,
            self.bad_token,
            self.wrong_schema,
        ]

    async def one(self, number: int) -> None:
        asked, drawn = Question.made(number, self.chance), self.chance.random()
        if drawn < FAULTS:
            fault = self._faults[number % len(self._faults)]
            await self.counted(fault.__name__, fault(asked))
        elif drawn < FAULTS + LEAVERS:
            body = asked.body()
            pieces = [head("/v2/rerank", len(body)), body]
            await _leaves(self.port, pieces, self.chance.random() / 20, rudely=number % 2 == 0)
            self.report.counts["left"] += 1
        elif drawn > 0.9:
            await self.counted("streamed", self.streamed(asked))
        else:
            await self.counted("reranked", self.reranked(asked))

    async def counted(self, kind: str, asking: Awaitable[bool | str | None]) -> None:
        found = await asking
        self.report.counts[kind] += 1
        if found is False or isinstance(found, str):
            self.report.wrong[f"{kind}: {found or 'another reply than expected'}"] += 1

    async def reranked(self, asked: Question) -> str | None:
        body = asked.body(return_documents=True)
        status, content = await reply_to(self.port, head(f"/v{1 + asked.number % 2}/rerank", len(body)), body)
        return asked.problem(json.loads(content), by_words=self.by_words) if status == 200 else f"status {status}"

    async def streamed(self, asked: Question) -> str | None:
        body = asked.body("question", return_documents=True, stream=True)
        status, content = await reply_to(self.port, head("/v1/answer", len(body)), body)
        found = re.search(rb"event: result\ndata: (.*)\n", content)
        if status != 200 or not found:
            return f"status {status}, no result"
        return asked.problem(json.loads(found[1]), by_words=self.by_words)

    async def bad_json(self, asked: Question) -> bool:
        body = asked.body()[:-7] + b"]"
        return (await reply_to(self.port, head("/v2/rerank", len(body)), body))[0] == 400

    async def short_body(self, asked: Question) -> bool:
        body = asked.body()
        return (await reply_to(self.port, head("/v2/rerank", len(body) + 100), body, half_closed=True))[0] in (0, 400)

    async def reset(self, asked: Question) -> bool:
        body = asked.body()
        await _leaves(self.port, [head("/v2/rerank", len(body)), body[:-9]], 0, rudely=True)
        return True

    async def oversized(self, asked: Question) -> bool:
        return (await reply_to(self.port, head("/v2/rerank", 33 << 20), b" " * 4096))[0] == 413

    async def bad_token(self, asked: Question) -> bool:
        body = asked.body()
        return (await reply_to(self.port, head("/v2/rerank", len(body), "other"), body))[0] == 401

    async def wrong_schema(self, asked: Question) -> bool:
        body = asked.body(model_path="/etc") if asked.number % 2 else b'{"query": 7, "documents": {}}'
        return (await reply_to(self.port, head("/v2/rerank", len(body)), body))[0] == 422


async def soaked(server: Server, requests: int, minutes: float, at_once: int, *, by_words: bool, seed: int) -> Report:
    """Asks that often, or for that long."""
    report, chance = Report(), random.Random(seed)
    soak = Soak(server, chance, by_words=by_words, report=report)
    begun, warm = time.monotonic(), min(max(requests // 10, 50), 5000)
    numbers = iter(range(requests))
    await _together(soak, itertools.islice(numbers, warm), at_once, begun + 60 * minutes, [])
    report.before = await _rest(server)
    samples: list[tuple[int, float]] = []
    await _together(soak, numbers, at_once, begun + 60 * minutes, samples)
    report.after = await _rest(server)
    if len(samples) > 2:
        report.slope = 1000 * linear_regression(*zip(*samples, strict=True)).slope
    status, numbers_told = await reply_to(server.port, _asks_metrics())
    told = re.search(rb"^rag_reasoner_requests_in_flight (\S+)", numbers_told, re.MULTILINE)
    report.in_flight = float(told[1]) - 1 if status == 200 and told else -1
    report.requests, report.seconds = sum(report.counts.values()), time.monotonic() - begun
    return report


def _asks_metrics() -> bytes:
    return head("/metrics", 0).replace(b"POST", b"GET", 1)


async def _together(
    soak: Soak, numbers: Iterator[int], at_once: int, ends: float, samples: list[tuple[int, float]]
) -> None:
    """So many at once, each after the other, until the numbers or the time run out; memory is read now and then."""

    async def client() -> None:
        for number in numbers:
            if time.monotonic() >= ends:
                return
            await soak.one(number)
            if number % 100 == 0:
                samples.append((number, soak.server.megabytes()))
            if number % 5000 == 0:
                print(f"{number} {soak.server.held()} {dict(soak.report.wrong)}", file=sys.stderr, flush=True)

    async with asyncio.TaskGroup() as group:
        for _ in range(at_once):
            group.create_task(client())


async def _rest(server: Server, seconds: float = 7.0) -> Held:
    """What the server holds when it has been left alone for longer than it keeps connections."""
    await asyncio.sleep(seconds)
    return server.held()


def run(requests: int, minutes: float, at_once: int = 64, model: str = "lexical", seed: int = 0) -> Report:
    """The whole of it, from the start of the server to its end."""
    with started(model) as server:
        by_words = model == "lexical"
        report = asyncio.run(soaked(server, requests, minutes, at_once, by_words=by_words, seed=seed))
        report.exit_status = server.ends()
    return report


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=100_000)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--at-once", type=int, default=64)
    parser.add_argument("--model", default="lexical")
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    report = run(asked.requests, asked.minutes, asked.at_once, asked.model, asked.seed)
    print(json.dumps(asdict(replace(report, counts=dict(report.counts), wrong=dict(report.wrong))), indent=2))


if __name__ == "__main__":
    main()
