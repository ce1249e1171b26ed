"""What every backend does. A new one joins `BACKENDS` and passes unchanged."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
import served_model
import tiny_models
from small_tasks import QUESTION, of

from rag_reasoner.backends.base import Completer, Judge
from rag_reasoner.backends.lexical import Lexical
from rag_reasoner.tasks import OrderTask, RankTask, RelevanceTask, show
from rag_reasoner.types import FAULTS, Candidate, Document

TEXTS = ("The museum opened in 1962.", "Plan of the museum", "It rained. " * 12, "When? In 1962.", "x")
ENDLESS = show(Candidate(Document("endless", "word " * 9_000)))


@dataclass(frozen=True)
class Case:
    """A backend, and tasks that it cannot serve (None where there is none)."""

    make: Callable[[], Any]
    unjudgeable: RelevanceTask | None
    uncompletable: Any
    estimates: bool = False


TOO_LONG = RelevanceTask(QUESTION, ENDLESS), RankTask(QUESTION, (ENDLESS, ENDLESS))
BACKENDS = {
    "lexical": Case(Lexical, None, RelevanceTask(QUESTION, ENDLESS)),
    "local": Case(tiny_models.backend, *TOO_LONG),
    "local in batches": Case(lambda: tiny_models.backend(batch_tokens=1_500), *TOO_LONG),
    "local held": Case(lambda: tiny_models.backend(held=True), *TOO_LONG),
    "openai_compatible": Case(served_model.backend, *TOO_LONG, estimates=True),
}


@pytest.fixture(params=BACKENDS)
def case(request):
    if request.param != "lexical":
        pytest.importorskip("transformers")
    return BACKENDS[request.param]


@pytest.fixture
def backend(case):
    made = case.make()
    yield made
    getattr(made, "close", lambda: None)()


def pairs():
    return [RelevanceTask(QUESTION, show(Candidate(Document(str(n), text), n))) for n, text in enumerate(TEXTS)]


def rankings():
    return [of(OrderTask, count) for count in (4, 2, 3)]


def about(judged):
    return [pytest.approx(one.probability, abs=1e-5) for one in judged]


def test_it_is_what_it_says(backend):
    assert isinstance(backend, Judge)
    assert isinstance(backend, Completer)
    assert backend.card.name
    assert backend.card.context > 0


def test_judging_gives_a_probability_for_each_pair_in_their_order(backend):
    judged = backend.judge(pairs())
    assert all(one.fault is None and 0 <= one.probability <= 1 for one in judged)
    assert [one.probability for one in backend.judge(pairs()[::-1])] == about(judged[::-1])
    assert len({one.probability for one in judged}) > 1


def test_a_batch_of_pairs_equals_its_pairs_one_by_one(backend):
    assert [backend.judge([pair])[0].probability for pair in pairs()] == about(backend.judge(pairs()))


def test_a_batch_of_replies_equals_the_replies_one_by_one(backend):
    assert [backend.complete([task])[0].text for task in rankings()] == [
        reply.text for reply in backend.complete(rankings())
    ]


def test_asking_twice_gives_the_same(backend):
    assert backend.judge(pairs()) == backend.judge(pairs())
    assert backend.complete(rankings()) == backend.complete(rankings())


async def test_sync_equals_async_also_inside_a_running_loop(backend):
    assert await backend.ajudge(pairs()) == backend.judge(pairs())
    assert await backend.acomplete(rankings()) == backend.complete(rankings())


async def test_calls_at_once_give_what_calls_in_a_row_give(backend):
    at_once = await asyncio.gather(*(backend.ajudge([pair]) for pair in pairs()))
    assert at_once == [backend.judge([pair]) for pair in pairs()]


def test_no_task_is_no_work(backend):
    assert backend.judge([]) == []
    assert backend.complete([]) == []


def test_a_pair_that_cannot_be_judged_costs_itself_only(case, backend):
    if case.unjudgeable is None:
        pytest.skip("this backend can judge any pair")
    first, failed, last = backend.judge([pairs()[0], case.unjudgeable, pairs()[1]])
    assert failed.probability is None
    assert failed.fault.kind in FAULTS
    assert [first.probability, last.probability] == about(backend.judge(pairs()[:2]))


def test_a_task_that_cannot_be_completed_costs_itself_only(case, backend):
    first, failed, last = backend.complete([rankings()[0], case.uncompletable, rankings()[1]])
    assert failed.text is None
    assert failed.fault.kind in FAULTS
    assert [first.text, last.text] == [reply.text for reply in backend.complete(rankings()[:2])]


def test_the_pieces_of_a_reply_as_it_is_written_make_the_reply(backend):
    heard = {}
    replies = backend.complete(rankings(), lambda place, text: heard.setdefault(place, []).append(text))
    assert {place: "".join(pieces) for place, pieces in heard.items()} == {
        place: reply.text for place, reply in enumerate(replies) if reply.text
    }


async def test_the_pieces_reach_an_async_caller_in_its_own_loop_before_the_reply(backend):
    heard = []
    loop = asyncio.get_running_loop()
    (reply,) = await backend.acomplete(rankings()[:1], lambda _, text: heard.append((text, asyncio.get_event_loop())))
    assert "".join(text for text, _ in heard) == reply.text
    assert {where for _, where in heard} == {loop}


def test_the_tokens_counted_are_those_that_are_used(case, backend):
    (judged,) = backend.judge(pairs()[:1])
    if case.estimates:
        pytest.skip(
            "a server's tokenizer is not at hand; tests/test_remote_default.py holds the estimate to a real one"
        )
    assert judged.usage.prompt_tokens == backend.count(pairs()[0].messages())
    assert judged.usage.completion_tokens <= 1


async def test_cancelling_one_call_leaves_the_others_whole(backend):
    calls = [backend.acomplete([of(RankTask, 5) for _ in range(6)]), backend.ajudge(pairs())]
    doomed, other = map(asyncio.ensure_future, calls)
    await asyncio.sleep(0)
    doomed.cancel()
    await asyncio.gather(doomed, return_exceptions=True)
    assert await other == backend.judge(pairs())
