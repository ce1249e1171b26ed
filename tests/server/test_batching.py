"""Requests that share a model's batches: the same results, fair turns, and nobody pays for a neighbour."""

import asyncio
import gc
import time
from functools import partial
from math import inf

import pytest
import tiny_models
from fakes import CARD, Perfect
from hypothesis import given, settings
from hypothesis import strategies as st
from small_tasks import TASKS, of

from rag_reasoner.backends.base import Judged, Reply, Together
from rag_reasoner.backends.deadline import ends_within, until
from rag_reasoner.backends.lexical import Lexical
from rag_reasoner.errors import BackendError
from rag_reasoner.server.batching import Batched, batched
from rag_reasoner.tasks import RankTask, RelevanceTask, show
from rag_reasoner.types import Candidate, Document

QUERY = "When did the museum open?"


def pairs(name, count):
    """Judgements that one caller wants; the text tells whose they are."""
    return tuple(
        RelevanceTask(QUERY, show(Candidate(Document(f"{name}{n}", f"{name} {n} museum"), n))) for n in range(count)
    )


def lists(name, count):
    return tuple(RankTask(QUERY, tuple(pair.document for pair in pairs(f"{name}-{n}", 2))) for n in range(count))


def texts(task):
    return task.document.original if isinstance(task, RelevanceTask) else task.documents[0].original


class Slow:
    """Remembers its batches, and holds each until `gate` is set; `poison` in a text makes a batch raise."""

    card = CARD

    def __init__(self, held=False):
        self.batches, self.cancelled, self.deadlines = [], 0, set()
        self.gate, self.entered = asyncio.Event(), asyncio.Event()
        if not held:
            self.gate.set()

    async def _run(self, kind, tasks):
        self.batches.append((kind, [texts(task) for task in tasks]))
        self.deadlines.add(ends_within(inf))
        self.entered.set()
        try:
            await self.gate.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        if any("poison" in texts(task) for task in tasks):
            raise BackendError("poisoned")

    async def ajudge(self, tasks):
        await self._run("judge", tasks)
        return [Judged(float(len(texts(task)))) for task in tasks]

    async def acomplete(self, tasks, on_text=None):
        replies = [Reply(f"on {texts(task)}") for task in tasks]
        for place, reply in enumerate(replies if on_text else ()):
            for piece in reply.text:
                on_text(place, piece)
        await self._run("complete", tasks)
        return replies


def shared(backend, judgements=4, replies=4, **options):
    return Batched(backend, Together(judgements, replies), **options)


async def until_waiting(model, count):
    while model.waiting != count:  # noqa: ASYNC110 - nothing tells of a queue's length
        await asyncio.sleep(0)


@pytest.mark.parametrize("most", [1, 3, 8])
async def test_lexical_shared_equals_lexical_alone(most):
    plain, model = Lexical(), shared(Lexical(), most, most)
    wanted = [pairs("a", 7), pairs("b", 1), TASKS[:1], ()]
    found = await asyncio.gather(*map(model.ajudge, wanted))
    assert found == [plain.judge(tasks) for tasks in wanted]
    written = [lists("a", 3), TASKS[1:], lists("c", 1)]
    assert await asyncio.gather(*map(model.acomplete, written)) == [plain.complete(tasks) for tasks in written]


async def test_a_local_model_shared_equals_the_model_alone():
    plain = tiny_models.backend(held=False)
    sizes = []
    model = shared(plain, 3, 3, observe=lambda *batch: sizes.append(batch))
    wanted, written = [pairs("first", 3), pairs("second", 2)], [lists("first", 2), lists("second", 1)]
    alone = [await plain.ajudge(tasks) for tasks in wanted]
    alone_written = [await plain.acomplete(tasks) for tasks in written]
    found = await asyncio.gather(*map(model.ajudge, wanted), *map(model.acomplete, written))
    for judged, expected in zip(found[:2], alone, strict=True):
        assert [one.probability for one in judged] == pytest.approx([one.probability for one in expected], abs=1e-5)
    assert found[2:] == alone_written
    assert sorted(sizes) == [("complete", 3), ("judge", 2), ("judge", 3)]
    assert model.judge(wanted[0]) == alone[0]
    plain.close()


async def test_a_local_model_streams_to_each_caller_its_own_reply():
    plain = tiny_models.backend(held=True)
    model = Batched(plain, plain.together)
    heard = {"a": {}, "b": {}}

    def listen(name, place, piece):
        heard[name][place] = heard[name].get(place, "") + piece

    written = {"a": (of(RankTask, 2), of(RankTask, 3)), "b": (of(RankTask, 4),)}
    replies = await asyncio.gather(*(model.acomplete(tasks, partial(listen, n)) for n, tasks in written.items()))
    for name, told in zip(written, replies, strict=True):
        assert heard[name] == {place: reply.text for place, reply in enumerate(told)}
    plain.close()


def test_only_models_that_are_asked_one_call_at_a_time_are_shared():
    model = tiny_models.backend()
    assert isinstance(batched(model), Batched)
    other = Perfect()
    assert batched(other) is other
    model.close()


async def test_callers_that_come_together_share_a_batch_and_kinds_are_never_mixed():
    slow = Slow()
    model = shared(slow, 8, 8)
    await asyncio.gather(*(model.ajudge(pairs(n, 2)) for n in "abc"), *(model.acomplete(lists(n, 1)) for n in "xy"))
    assert sorted(slow.batches) == [
        ("complete", ["x-0 0 museum", "y-0 0 museum"]),
        ("judge", ["a 0 museum", "b 0 museum", "c 0 museum", "a 1 museum", "b 1 museum", "c 1 museum"]),
    ]


async def test_a_hundred_candidates_do_not_starve_two():
    slow, ended = Slow(), []
    model = shared(slow, judgements=4)

    async def caller(name, count):
        await model.ajudge(pairs(name, count))
        ended.append(name)

    await asyncio.gather(caller("large", 100), caller("small", 2), caller("tiny", 1))
    assert ended == ["tiny", "small", "large"]
    assert "small 1 museum" in slow.batches[1][1]
    assert len(slow.batches) == 26


@settings(max_examples=60, deadline=None)
@given(
    sizes=st.lists(st.integers(0, 12), min_size=1, max_size=6),
    most=st.integers(1, 7),
    leaves=st.sets(st.integers(0, 5)),
    poisoned=st.sets(st.integers(0, 5)),
    after=st.integers(0, 6),
)
async def test_whoever_leaves_or_fails_everyone_else_gets_exactly_their_own(sizes, most, leaves, poisoned, after):
    slow = Slow()
    model = shared(slow, judgements=most)
    asked = [pairs("poison" if n in poisoned else f"caller{n}", size) for n, size in enumerate(sizes)]
    callers = [asyncio.ensure_future(model.ajudge(tasks)) for tasks in asked]
    for _ in range(after):
        await asyncio.sleep(0)
    for n in leaves & set(range(len(callers))):
        callers[n].cancel()
    found = await asyncio.gather(*callers, return_exceptions=True)
    for n, (tasks, outcome) in enumerate(zip(asked, found, strict=True)):
        if n in leaves and isinstance(outcome, asyncio.CancelledError):
            continue
        if n in poisoned and tasks:
            assert isinstance(outcome, BackendError)
        else:
            assert outcome == [Judged(float(len(texts(task)))) for task in tasks]
    assert model.waiting == 0
    assert all(len(batch) <= most for _, batch in slow.batches)
    await model.aclose()


async def test_a_batch_that_raises_fails_only_for_the_caller_whose_task_it_was():
    slow = Slow()
    model = shared(slow, 8, 8)
    bad, good = await asyncio.gather(
        model.ajudge(pairs("poison", 3)), model.ajudge(pairs("good", 3)), return_exceptions=True
    )
    assert isinstance(bad, BackendError)
    assert good == [Judged(13.0)] * 3


async def test_a_reply_that_had_to_be_begun_anew_is_told_once():
    model = shared(Slow(), 8, 8)
    heard = []
    _, good = await asyncio.gather(
        model.acomplete(lists("poison", 1)),
        model.acomplete(lists("good", 1), lambda _, piece: heard.append(piece)),
        return_exceptions=True,
    )
    assert "".join(heard) == good[0].text


async def test_a_model_that_gives_too_few_replies_is_not_believed():
    class Short(Slow):
        async def ajudge(self, tasks):
            return (await super().ajudge(tasks))[:-1]

    with pytest.raises(BackendError, match="1 replies to 2 tasks"):
        await shared(Short()).ajudge(pairs("a", 2))


async def test_a_caller_that_is_cancelled_in_the_queue_takes_its_tasks_out():
    slow = Slow(held=True)
    model = shared(slow, judgements=2)
    first = asyncio.ensure_future(model.ajudge(pairs("first", 2)))
    await slow.entered.wait()
    second, third = (asyncio.ensure_future(model.ajudge(pairs(name, 3))) for name in ("second", "third"))
    await until_waiting(model, 6)
    second.cancel()
    await until_waiting(model, 3)
    slow.gate.set()
    await asyncio.gather(first, third)
    assert not any("second" in text for _, batch in slow.batches for text in batch)
    assert slow.cancelled == 0


async def test_a_batch_for_which_nobody_waits_any_more_is_cancelled_and_others_go_on():
    slow = Slow(held=True)
    model = shared(slow, judgements=2)
    callers = [asyncio.ensure_future(model.ajudge(pairs(name, 1))) for name in "ab"]
    await slow.entered.wait()
    waiting = asyncio.ensure_future(model.ajudge(pairs("c", 2)))
    await until_waiting(model, 2)
    callers[0].cancel()
    await asyncio.sleep(0.01)
    assert slow.cancelled == 0
    callers[1].cancel()
    slow.gate.set()
    assert len(await waiting) == 2
    assert slow.cancelled == 1


async def test_who_runs_out_of_time_gets_what_there_is_and_the_rest_as_late():
    slow = Slow(held=True)
    model = shared(slow, judgements=2)
    with until(time.monotonic() + 0.05):
        hurried = asyncio.ensure_future(model.ajudge(pairs("hurried", 3)))
    patient = asyncio.ensure_future(model.ajudge(pairs("patient", 1)))
    assert [one.fault.kind for one in await hurried] == ["budget"] * 3
    assert slow.deadlines == {inf}  # a batch is nobody's alone
    slow.gate.set()
    assert await patient == [Judged(16.0)]
    with until(time.monotonic() - 1):
        assert (await model.acomplete(lists("late", 1)))[0].fault.kind == "budget"


async def test_closing_waits_for_what_was_asked_and_takes_nothing_new():
    slow = Slow(held=True)
    model = shared(slow)
    asked = asyncio.ensure_future(model.ajudge(pairs("a", 9)))
    await slow.entered.wait()
    closing = asyncio.ensure_future(model.aclose())
    await asyncio.sleep(0)
    with pytest.raises(BackendError, match="closed"):
        await model.ajudge(pairs("b", 1))
    slow.gate.set()
    await closing
    assert len(await asked) == 9


async def test_callers_are_told_when_the_model_is_stopped_under_them():
    plain = tiny_models.backend()
    model = Batched(plain, plain.together)
    plain.close()
    with pytest.raises(BackendError, match="closed"):
        await model.ajudge(pairs("a", 1))


def test_a_loop_that_ends_leaves_no_caller_waiting_and_no_complaint(caplog):
    async def abandoned():
        slow = Slow(held=True)
        callers = [asyncio.ensure_future(shared(slow).ajudge(pairs(name, 9))) for name in "ab"]
        await slow.entered.wait()
        return callers

    callers = asyncio.run(abandoned())
    gc.collect()
    assert all(caller.cancelled() for caller in callers)
    assert caplog.records == []


def test_each_event_loop_has_its_own_queue():
    model = shared(Lexical())
    for _ in range(2):
        assert len(asyncio.run(model.ajudge(pairs("a", 5)))) == 5
