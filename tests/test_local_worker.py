"""One thread for one model: order, cancellation, and calls from inside a running loop."""

import asyncio
import threading
from concurrent.futures import CancelledError

import pytest

from rag_reasoner.backends.local.worker import Worker
from rag_reasoner.errors import BackendError


@pytest.fixture
def worker():
    made = Worker()
    yield made
    made.close()


async def test_all_work_runs_on_one_thread_in_the_order_of_the_calls(worker):
    done = []
    await asyncio.gather(*(worker.acall(lambda _, n=n: done.append((n, threading.get_ident()))) for n in range(20)))
    assert [n for n, _ in done] == list(range(20))
    assert len({thread for _, thread in done}) == 1


async def test_a_sync_call_works_inside_a_running_loop(worker):
    assert worker.call(lambda _: 7) == 7


async def test_cancelling_one_call_tells_its_work_and_leaves_the_others_whole(worker):
    started, told = threading.Event(), threading.Event()

    def long(stop):
        started.set()
        while not stop.is_set():
            threading.Event().wait(0.001)
        told.set()
        stop.check()

    first = asyncio.create_task(worker.acall(long))
    second = asyncio.create_task(worker.acall(lambda _: "whole"))
    await asyncio.to_thread(started.wait)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    assert await second == "whole"
    assert told.is_set()


async def test_a_call_cancelled_in_the_queue_never_runs(worker):
    gate, ran = threading.Event(), []
    first = asyncio.create_task(worker.acall(lambda _: gate.wait()))
    second = asyncio.create_task(worker.acall(lambda _: ran.append(1)))
    await asyncio.sleep(0)
    second.cancel()
    with pytest.raises(asyncio.CancelledError):
        await second
    gate.set()
    await first
    assert worker.call(lambda _: ran) == []


def test_an_error_reaches_the_caller_as_it_is(worker):
    with pytest.raises(ZeroDivisionError):
        worker.call(lambda _: 1 / 0)


def test_work_that_nobody_waits_for_ends_at_its_next_check(worker):
    def stopped(stop):
        stop.set()
        stop.check()

    with pytest.raises(CancelledError):
        worker.call(stopped)


async def test_a_closed_worker_says_so():
    worker = Worker()
    worker.close()
    with pytest.raises(BackendError, match="was closed"):
        worker.call(lambda _: 1)
    with pytest.raises(BackendError, match="was closed"):
        await worker.acall(lambda _: 1)
