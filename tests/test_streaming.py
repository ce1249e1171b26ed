"""Streams: events as they happen, the result last, and no work left behind by whoever leaves."""

import asyncio
import threading

import pytest
from fakes import QUERY, Buggy, Perfect, Slow, documents, timeless

from rag_reasoner import ReasoningReranker, Result
from rag_reasoner.drive import StepDone, TextDelta
from rag_reasoner.errors import InvalidInput

THREAD = "rag-reasoner-stream"


def running():
    return [thread for thread in threading.enumerate() if thread.name == THREAD]


def told(events):
    return "".join(event.text for event in events if isinstance(event, TextDelta))


async def test_a_stream_tells_of_every_stage_and_ends_with_the_result():
    reranker = ReasoningReranker(Perfect(), keep="all")
    expected = timeless(reranker.answer(QUERY, documents(0.1, 0.9)))
    now = list(reranker.stream(QUERY, documents(0.1, 0.9)))
    later = [event async for event in reranker.astream(QUERY, documents(0.1, 0.9))]
    for events in (now, later):
        assert [(event.stage, event.tasks) for event in events if isinstance(event, StepDone)] == [
            ("filter", 2),
            ("answer", 1),
        ]
        assert "worth" in told(events)
        assert [type(event) for event in events].count(Result) == 1
        assert timeless(events[-1]) == expected
    assert told(now) == told(later)


def test_what_is_asked_for_in_a_stream_is_what_comes():
    reranker = ReasoningReranker(Perfect(), keep="all")
    *_, result = reranker.stream(QUERY, documents(0.1, 0.9), answer=False, top_n=1)
    assert result.answer is None
    assert len(result.ranked) == 1


async def test_an_error_comes_out_of_the_stream():
    with pytest.raises(TypeError, match="of its own"):
        list(ReasoningReranker(Buggy()).stream(QUERY, documents(0.1, 0.9)))
    with pytest.raises(TypeError, match="of its own"):
        [event async for event in ReasoningReranker(Buggy()).astream(QUERY, documents(0.1, 0.9))]
    with pytest.raises(InvalidInput, match="empty"):
        list(ReasoningReranker(Perfect()).stream(" ", []))
    with pytest.raises(InvalidInput, match="empty"):
        [event async for event in ReasoningReranker(Perfect()).astream(" ", [])]


def test_leaving_a_stream_ends_the_work_with_its_next_word():
    model = Slow()
    stream = ReasoningReranker(model, stages=("rank",)).stream(QUERY, documents(0.1, 0.9))
    model.go_on.release()
    assert next(stream).text == "word "
    (thread,) = running()
    stream.close()
    model.go_on.release(3)
    thread.join(30)
    assert not thread.is_alive()
    assert model.ended.is_set()
    assert model.words <= 3


async def test_leaving_an_awaited_stream_cancels_the_work_and_waits_for_its_end():
    model = Slow()
    stream = ReasoningReranker(model, stages=("rank",)).astream(QUERY, documents(0.1, 0.9))
    async for event in stream:
        assert event.text == "word "
        break
    await stream.aclose()
    assert model.ended.is_set()
    assert model.words <= 3
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_a_cancelled_call_leaves_no_work_behind():
    class Waiting(Perfect):
        cancelled = False

        async def ajudge(self, tasks):
            started.set()
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                self.cancelled = True
                raise

    model, started = Waiting(), asyncio.Event()
    calls = [asyncio.create_task(ReasoningReranker(model).aanswer(QUERY, documents(0.1, 0.9))) for _ in range(3)]
    await started.wait()
    for call in calls:
        call.cancel()
    assert all(isinstance(one, asyncio.CancelledError) for one in await asyncio.gather(*calls, return_exceptions=True))
    assert model.cancelled
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_a_consumer_that_is_cancelled_cancels_the_work():
    model, begun = Slow(), asyncio.Event()

    async def consume():
        async for _ in ReasoningReranker(model, stages=("rank",)).astream(QUERY, documents(0.1, 0.9)):
            begun.set()

    task = asyncio.create_task(consume())
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.gather(*asyncio.all_tasks() - {asyncio.current_task()}, return_exceptions=True)
    assert model.ended.is_set()


async def test_sync_calls_and_streams_work_inside_a_running_loop():
    reranker = ReasoningReranker(Perfect())
    assert reranker.rerank(QUERY, documents(0.1, 0.9)).ranked[0].candidate.position == 1
    assert reranker.rerank_many([(QUERY, documents(0.1, 0.9))])[0].ranked[0].candidate.position == 1
    *_, result = reranker.stream(QUERY, documents(0.1, 0.9))
    assert result.ranked[0].candidate.position == 1
