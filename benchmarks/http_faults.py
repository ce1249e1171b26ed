"""R2: rerank calls against a server with every kind of fault; what was lost, how long it took, what it cost.

Kinds of faults in streams are met by calls that listen; the others by calls that do not.

python benchmarks/http_faults.py [number of calls] [at once]
"""

import asyncio
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path

import psutil

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from faulty_server import KINDS, STREAM_KINDS, FaultyServer

from rag_reasoner import ReasoningReranker, Result
from rag_reasoner.backends.openai_compatible import OpenAICompatible

DEADLINE = 2.0
TEXTS = ("document 0", "document 1", "document 2")


async def main(number: int, at_once: int) -> None:
    """Every call once, `at_once` under way."""
    kinds = ("good", "good_stream", "refuse", "dns", *KINDS, *STREAM_KINDS)
    gate, spans, wrong = asyncio.Semaphore(at_once), defaultdict(list), Counter()
    process = psutil.Process()
    with FaultyServer() as server:
        urls = {
            "good_stream": server.url("good"),
            "refuse": "http://127.0.0.1:9/v1",
            "dns": "http://no-such-host.invalid/v1",
        }
        backends = {
            kind: OpenAICompatible(urls.get(kind, server.url()), "m", dialect="openai", timeout=DEADLINE, concurrency=4)
            for kind in kinds
        }

        async def one(place: int) -> None:
            kind = kinds[place % len(kinds)]
            reranker = ReasoningReranker(backends[kind], stages=("rank",))
            async with gate:
                started = time.monotonic()
                result = await (listened if "stream" in kind else ReasoningReranker.arerank)(
                    reranker, f"question {place}? fault={kind.removesuffix('_stream')}", TEXTS
                )
                spans[kind].append(time.monotonic() - started)
            positions = [one.candidate.position for one in result.ranked]
            wrong["lost or doubled"] += sorted(positions) != [0, 1, 2]
            good = kind.startswith("good")
            wrong["not flagged"] += not good and not result.degraded
            wrong["order not kept"] += not good and positions != [0, 1, 2]
            wrong["good window lost"] += good and positions != [2, 1, 0]

        await asyncio.gather(*(one(place) for place in range(len(kinds) * 4)))
        asked, warm = Counter(server.requests), process.memory_info().rss
        spans.clear()
        wrong.clear()  # the first calls wait for imports
        peak, watch = [warm], asyncio.create_task(sampled(process))
        await asyncio.gather(*(one(place) for place in range(number)))
        watch.cancel()
        peak += SAMPLES
        for backend in backends.values():
            backend.close()
        attempts = {kind: (server.requests[kind] - asked[kind]) / len(spans[kind]) for kind in kinds}
    overrun = max(span for each in spans.values() for span in each) - DEADLINE
    print(f"{number} calls, {at_once} at once, deadline {DEADLINE} s, client and server in one process")
    print(f"wrong: {dict(wrong)}; worst overrun {overrun:.3f} s; most attempts on average {max(attempts.values()):.2f}")
    print(f"memory: {warm / 2**20:.0f} MB warm, at most {(max(peak) - warm) / 2**20:+.0f} MB")
    for kind in kinds:
        print(f"{kind:20} {len(spans[kind]):5} calls {attempts[kind]:.2f} attempts, longest {max(spans[kind]):.2f} s")


async def listened(reranker: ReasoningReranker, query: str, texts: Sequence[str]) -> Result:
    """The result, after every event before it."""
    *_, result = [event async for event in reranker.astream(query, texts, answer=False)]
    return result


SAMPLES: list[int] = []


async def sampled(process: psutil.Process) -> None:
    """Looks at the memory ten times a second."""
    while True:
        SAMPLES.append(process.memory_info().rss)
        await asyncio.sleep(0.1)


if __name__ == "__main__":
    asyncio.run(main(int((sys.argv[1:] or ["5000"])[0]), int((sys.argv[2:] or ["32"])[0])))
