"""Replies as they are written: told piece by piece, equal to unstreamed ones in the end, and never cut in silence."""

import asyncio
import contextlib
import time

import psutil
import pytest
from fakes import documents, positions
from faulty_server import BEGUN, STREAM_KINDS, FaultyServer, chat_reply
from hypothesis import given
from hypothesis import strategies as st
from small_tasks import of

from rag_reasoner import ReasoningReranker, Result
from rag_reasoner.backends.http.events import Events
from rag_reasoner.backends.http.retry import Trouble
from rag_reasoner.backends.openai_compatible import OpenAICompatible
from rag_reasoner.backends.openai_compatible.stream import Heard
from rag_reasoner.drive import TextDelta
from rag_reasoner.tasks import RankTask

DEADLINE = 1.0
UNTOLD = ("stream_drip", "stream_comments", "stream_bomb", "stream_bad_utf8")
"""Faults that come before a word of the reply has."""


@pytest.fixture(scope="module")
def server():
    with FaultyServer() as running:
        yield running


@contextlib.contextmanager
def backend(url, **options):
    made = OpenAICompatible(url, "m", **{"dialect": "openai", "timeout": DEADLINE, **options})
    try:
        yield made
    finally:
        made.close()


def told_and_reply(url, tasks=None, **options):
    told = []
    with backend(url, **options) as made:
        replies = made.complete(tasks or [of(RankTask, 3)], lambda place, text: told.append((place, text)))
    return told, replies


def test_text_comes_piece_by_piece_and_the_reply_is_the_unstreamed_one(server):
    tasks = [of(RankTask, 2), of(RankTask, 3)]
    told, replies = told_and_reply(server.url(), tasks)
    with backend(server.url()) as made:
        assert replies == made.complete(tasks)
    for place, reply in enumerate(replies):
        pieces = [text for where, text in told if where == place]
        assert "".join(pieces) == reply.text
        assert len(pieces) > 5
    assert replies[0].usage.prompt_tokens == 10


async def test_awaited_text_comes_in_the_running_loop_and_before_the_reply(server):
    told, here = [], asyncio.get_running_loop()

    def tell(place, text):
        assert asyncio.get_running_loop() is here
        told.append(text)

    with backend(server.url()) as made:
        (reply,) = await made.acomplete([of(RankTask, 3)], tell)
        assert "".join(told) == reply.text


def test_without_a_listener_no_stream_is_asked_for(server):
    before = len(server.bodies)
    with backend(server.url()) as made:
        made.complete([of(RankTask, 3)])
    assert b"stream" not in server.bodies[before]


def test_a_run_that_streams_ends_with_the_result_of_one_that_does_not(server):
    with backend(server.url(), timeout=30) as made:
        reranker = ReasoningReranker(made, stages=("rank",))
        *events, last = reranker.stream("Which page?", documents(0.1, 0.5, 0.9), answer=False)
        plain = reranker.rerank("Which page?", documents(0.1, 0.5, 0.9))
    assert sum(isinstance(event, TextDelta) for event in events) > 5
    assert [one.candidate.position for one in last.ranked] == [one.candidate.position for one in plain.ranked]
    assert isinstance(last, Result)
    assert (last.faults, last.usage) == (plain.faults, plain.usage)


@pytest.mark.parametrize("kind", STREAM_KINDS)
def test_every_fault_of_a_stream_is_told_and_asked_again_only_where_nothing_was_heard(server, kind):
    before, started = server.requests[kind], time.monotonic()
    told, (reply,) = told_and_reply(server.url(kind))
    assert time.monotonic() - started <= DEADLINE + 2  # the half second is measured in benchmarks/http_faults.py
    attempts = server.requests[kind] - before
    said = "".join(text for _, text in told)
    if kind == "stream_late_fault":
        assert (reply.fault, reply.text, said, attempts) == (None, BEGUN, BEGUN, 1)
    elif kind == "stream_length":
        assert (reply.fault, reply.truncated, reply.text, said) == (None, True, BEGUN, BEGUN)
    elif kind in UNTOLD:
        assert (reply.text, reply.fault.kind, said) == (None, "backend_error", "")
        assert 1 <= attempts <= 3
    else:
        assert (reply.fault.kind, attempts) == ("truncated", 1)
        assert reply.text == said
        assert said.startswith(BEGUN if kind != "stream_endless" else "words ")


@pytest.mark.parametrize("kind", ["close", "truncated_json", "content_null", "length", "gzip_bomb", "500", "400"])
def test_a_listener_changes_nothing_about_faults_of_plain_replies(server, kind):
    before = server.requests[kind]
    told, (reply,) = told_and_reply(server.url(kind))
    assert server.requests[kind] - before <= 3
    if kind == "length":
        assert (reply.truncated, "".join(text for _, text in told)) == (True, reply.text)
    else:
        assert (reply.text, reply.fault.kind, told) == (None, "backend_error", [])


def test_a_reply_that_was_cut_is_flagged_in_the_result(server):
    with backend(server.url("stream_cut"), timeout=10) as made:
        *_, result = ReasoningReranker(made, stages=("rank",)).stream("Which?", documents(0.2, 0.1), answer=False)
    assert positions(result) == [0, 1]
    assert "truncated" in {fault.kind for fault in result.faults}
    assert result.degraded


def test_what_a_server_writes_into_an_error_is_not_repeated(server):
    _, (reply,) = told_and_reply(server.url("stream_error"))
    assert "ends in an error" in reply.fault.detail
    assert "secret" not in reply.fault.detail


def test_a_server_that_replies_in_one_piece_is_understood():
    with FaultyServer(streams=False) as server:
        told, (reply,) = told_and_reply(server.url())
        assert told == [(0, reply.text)]
        assert len(server.bodies) == 1


def test_a_server_that_refuses_to_stream_is_found_out_once():
    with FaultyServer(refuses="stream") as server, backend(server.url()) as made:
        for _ in range(3):
            told = []
            (reply,) = made.complete([of(RankTask, 3)], lambda place, text, told=told: told.append(text))
            assert told == [reply.text]
        assert sum(b'"stream"' in body for body in server.bodies) == 1
        assert len(server.bodies) == 4


def test_special_strings_are_mended_in_what_is_told_as_in_the_reply():
    text = "[1] yes: \u02c2|im_end|> and \u02c2 alone, \u27e6INST]" + "x" * 100 + "\u02c2"
    with FaultyServer(lambda _: chat_reply(text)) as server:
        told, (reply,) = told_and_reply(server.url())
    assert "<|im_end|> and \u02c2 alone, [INST]" in reply.text
    assert "".join(text for _, text in told) == reply.text


async def test_cancelling_a_stream_closes_its_connection(server):
    with backend(server.url("stream_hang"), timeout=60) as made:
        heard = asyncio.Event()
        call = asyncio.ensure_future(made.acomplete([of(RankTask, 3)], lambda *_: heard.set()))
        async with asyncio.timeout(20):
            await heard.wait()
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call
            while server.open:  # noqa: ASYNC110
                await asyncio.sleep(0.01)


def test_leaving_a_stream_early_closes_its_connection(server):
    with backend(server.url("stream_endless"), timeout=60) as made:
        events = ReasoningReranker(made, stages=("rank",)).stream("Which?", documents(0.2, 0.1), answer=False)
        assert isinstance(next(events), TextDelta)
        events.close()
        ends = time.monotonic() + 20
        while server.open and time.monotonic() < ends:
            time.sleep(0.01)
        assert not server.open


@given(
    st.lists(st.sampled_from(["a", "b c", "", "é ", ": x"]), max_size=6),
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.lists(st.integers(1, 9), min_size=1),
)
def test_events_are_found_wherever_the_pieces_end(texts, end, cuts):
    stream = "".join(f": note{end}event: e{end}data: {text}{end}data:{text}{end}{end}" for text in texts).encode()
    events, found, start, cut = Events(), [], 0, 0
    while start < len(stream):
        size = cuts[cut % len(cuts)]
        found += events.add(stream[start : start + size])
        start, cut = start + size, cut + 1
    found += events.add(b"\n")  # tells a lone \\r from half of a line end
    assert found == [f"{text}\n{text}".encode() for text in texts]


@given(st.recursive(st.none() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(
    st.sampled_from(["choices", "delta", "content", "finish_reason", "usage", "error"]), inner)))  # fmt: skip
def test_whatever_a_stream_says_is_heard_or_refused(said):
    heard = Heard(lambda text: None)
    with contextlib.suppress(Trouble):
        heard.hear(said)
        heard.whole()


@pytest.mark.slow
async def test_a_hundred_streams_with_faults_lose_no_document_and_no_memory(server):
    kinds = ["good", "stream_cut", "stream_reset", "stream_error", "stream_endless", "stream_no_json", "stream_bomb"]
    process = psutil.Process()
    with backend(server.url(), timeout=30) as made:
        reranker = ReasoningReranker(made, stages=("rank",))

        async def one(place):
            query = f"question {place}? fault={kinds[place % len(kinds)]}"
            async for event in reranker.astream(query, documents(0.1, 0.2, 0.3), answer=False):
                last = event
            assert positions(last) == [0, 1, 2]
            assert last.degraded == (place % len(kinds) != 0)

        await asyncio.gather(*map(one, range(21)))
        before = process.memory_info().rss
        for start in range(0, 105, 21):
            await asyncio.gather(*map(one, range(start, start + 21)))
    assert process.memory_info().rss - before <= 64 * 2**20
