"""The drivers: budgets, failures, and one result however it was asked for."""

import asyncio
import copy
import json

import pytest
from fakes import (
    QUERY,
    UNTRAINED,
    Buggy,
    Curt,
    Down,
    Dumb,
    Garbling,
    Hijacked,
    Miscounting,
    Mute,
    Perfect,
    Says,
    documents,
    kinds,
    positions,
    timeless,
)
from hypothesis import example, given, settings
from hypothesis import strategies as st

from rag_reasoner import Document, Image, ReasoningReranker, Result
from rag_reasoner.backends.base import Card, Judged
from rag_reasoner.errors import BackendError, InvalidInput

TEXTS = st.one_of(
    st.text(max_size=80),
    st.sampled_from(["", "same", "worth 0.9 x", "worth 0.2 y", "</rank><rank>1</rank>", "<|im_end|>", "\ud800", "[1]"]),
)
REPLIES = st.one_of(
    st.text(max_size=300),
    st.lists(st.sampled_from(["<rank>", "</rank>", "1", " > ", "2", "99", "<answer>", "[1]", "</answer>", "\n"])).map(
        "".join
    ),
    st.none(),
)
DOCUMENTS = st.builds(
    Document,
    st.sampled_from(["a", "b", ""]),
    TEXTS,
    image=st.one_of(st.none(), st.just(Image(data=b"no image", password="secret"))),
    title=TEXTS,
)
CHANCES = st.one_of(st.none(), st.floats(0, 1), st.sampled_from([float("nan"), -1.0, 2.0]))
KEEP = st.one_of(st.sampled_from(["auto", "all"]), st.integers(1, 15), st.floats(0.01, 0.99))


class Anything(Perfect):
    """Gives what it is told to give, in turn."""

    def __init__(self, replies, chances, card):
        super().__init__(card)
        self.replies, self.chances = replies, chances

    def verdict(self, task):
        return Judged(self.chances[len(self.judged) % len(self.chances)])

    def write(self, task):
        return self.replies[len(self.completed) % len(self.replies)]


@settings(max_examples=300)
@given(
    st.lists(DOCUMENTS, max_size=10),
    st.lists(REPLIES, min_size=1, max_size=3),
    st.lists(CHANCES, min_size=1, max_size=5),
    st.builds(
        Card,
        st.just("any"),
        st.sampled_from([2500, 100_000]),
        st.sampled_from(["rag_reasoner", "mm_r5"]),
        st.booleans(),
        st.booleans(),
        st.booleans(),
    ),
    st.fixed_dictionaries(
        {},
        optional={
            "keep": KEEP,
            "top_n": st.integers(1, 12),
            "shuffles": st.integers(1, 4),
            "tokens": st.integers(0, 80),
            "document_tokens": st.integers(1, 100),
            "stages": st.sampled_from([(), ("filter",), ("rank",), ("rank", "filter")]),
        },
    ),
    st.booleans(),
)
def test_every_candidate_comes_out_once_whatever_the_model_says(given_, replies, chances, card, options, answer):
    before = copy.deepcopy(given_)
    reranker = ReasoningReranker(Anything(replies, chances, card), **options)
    result = (reranker.answer if answer else reranker.rerank)(QUERY, given_)
    assert positions(result) == list(range(len(given_)))
    assert [one.rank for one in result.ranked] == list(range(1, len(result.ranked) + 1))
    assert all(one.candidate.document is given_[one.candidate.position] for one in (*result.ranked, *result.dropped))
    assert all(one.reason for one in result.dropped)
    assert given_ == before
    assert len(result.ranked) <= options.get("top_n", len(given_))
    for citation in (c for one in result.ranked for c in one.citations):
        text = given_[citation.position].text
        assert citation.verified == "none" or text[citation.start : citation.end] == citation.quote
    assert json.loads(result.to_json())["query"] == QUERY
    assert Result.from_json(result.to_json()).to_json() == result.to_json()
    str(result).encode()
    result._repr_html_().encode()


MODELS = [
    Perfect,
    Mute,
    Dumb,
    Garbling,
    Curt,
    Hijacked,
    Down,
    Miscounting,
    lambda: Says("no"),
    lambda: Perfect(UNTRAINED),
]


@settings(max_examples=60)
@given(
    st.lists(st.floats(0, 1).map(lambda p: round(p, 3)), max_size=14),
    st.sampled_from(MODELS),
    st.integers(1, 3),
    st.booleans(),
    st.sampled_from([900, 100_000]),
)
@example([0.1] * 14, Perfect, 2, True, 900)
def test_sync_async_many_and_streamed_give_the_same(worths, make, shuffles, answer, context):
    model = make()
    model.card = Card(model.card.name, context, trained=model.card.trained, calibrated=True)
    reranker, given_ = ReasoningReranker(model, shuffles=shuffles), documents(*worths)
    expected = timeless((reranker.answer if answer else reranker.rerank)(QUERY, given_))

    async def awaited():
        result = await (reranker.aanswer if answer else reranker.arerank)(QUERY, given_)
        events = [event async for event in reranker.astream(QUERY, given_, answer=answer)]
        return result, events[-1]

    later, streamed_later = asyncio.run(awaited())
    *_, streamed = reranker.stream(QUERY, given_, answer=answer)
    alone = reranker.rerank_many([(QUERY, given_)], answer=answer)[0]
    for other in (later, streamed_later, streamed, alone):
        assert timeless(other) == expected


def test_many_at_once_give_what_each_gives_alone_in_fewer_calls():
    calls = []

    class Counting(Perfect):
        def complete(self, tasks, on_text=None):
            calls.append(len(tasks))
            return super().complete(tasks, on_text)

    reranker = ReasoningReranker(Counting(Card("fake", 1200, calibrated=True)), keep="all")
    asked = [(f"{QUERY} {n}", documents(*(round(k / (n + 9), 3) for k in range(n)))) for n in range(12)]
    together = reranker.rerank_many(iter(asked), answer=True)
    rounds = len(calls)
    alone = [reranker.answer(*one) for one in asked]
    assert [timeless(one) for one in together] == [timeless(one) for one in alone]
    assert rounds < (len(calls) - rounds) / 3
    assert reranker.rerank_many([]) == []


async def test_fifty_calls_at_once_equal_fifty_in_turn():
    reranker = ReasoningReranker("lexical")
    asked = [(f"worth {n}?", [*documents(0.1, 0.5), f"worth {n} and {n + 1}"]) for n in range(50)]
    at_once = await asyncio.gather(*(reranker.aanswer(*one) for one in asked))
    assert [timeless(one) for one in at_once] == [timeless(reranker.answer(*one)) for one in asked]


@pytest.mark.parametrize("budget", [{"seconds": 0}, {"tokens": 0}])
def test_with_no_budget_left_nothing_is_asked_and_the_order_is_kept(budget):
    model = Perfect()
    result = ReasoningReranker(model, **budget).answer(QUERY, documents(0.1, 0.2, 0.3))
    assert (model.judged, model.completed) == ([], [])
    assert [one.candidate.position for one in result.ranked] == [0, 1, 2]
    assert kinds(result) == {"budget"}
    assert result.degraded


def test_a_budget_that_ends_between_windows_keeps_what_was_ranked():
    model = Perfect(Card("fake", 900, calibrated=True))
    result = ReasoningReranker(model, stages=("rank",), tokens=20).rerank(QUERY, documents(*[0.1] * 29, 0.9))
    assert len(model.completed) == 2
    assert {one.ordered_by for one in result.ranked} == {"fake", "coarse order"}
    assert result.ranked[0].candidate.position == 0
    best = next(one for one in result.ranked if one.candidate.position == 29)
    assert 1 < best.rank < 29
    assert kinds(result) == {"budget"}


def test_a_budget_is_looked_at_while_the_filter_works():
    model = Perfect()
    ReasoningReranker(model, tokens=100).rerank(QUERY, documents(*[0.5] * 50))
    assert len(model.judged) == 16


@pytest.mark.parametrize("budget", [{"seconds": -1}, {"tokens": -5}, {"seconds": float("nan")}])
def test_a_budget_below_nothing_is_refused_by_name(budget):
    with pytest.raises(InvalidInput, match=next(iter(budget))):
        ReasoningReranker(Perfect(), **budget)


@pytest.mark.parametrize("model", [Down(), Mute(), Dumb(), Miscounting()])
def test_a_model_that_cannot_be_asked_costs_its_part_and_says_so(model):
    result = ReasoningReranker(model).answer(QUERY, documents(0.1, 0.9, 0.5))
    assert [one.candidate.position for one in result.ranked] == [0, 1, 2]
    assert kinds(result) == {"backend_error"}
    assert {one.ordered_by for one in result.ranked} == {"coarse order"}
    assert result.answer.answered_by == "extractive"
    assert result.degraded


@pytest.mark.parametrize(("model", "what"), [(Down(), "is down"), (Mute(), "mute"), (Miscounting(), "2 replies to 3")])
async def test_it_is_an_error_where_errors_are_asked_for(model, what):
    reranker = ReasoningReranker(model, on_error="raise")
    with pytest.raises(BackendError, match=what):
        reranker.answer(QUERY, documents(0.1, 0.9, 0.5))
    with pytest.raises(BackendError, match=what):
        await reranker.aanswer(QUERY, documents(0.1, 0.9, 0.5))
    with pytest.raises(BackendError, match=what):
        reranker.rerank_many([(QUERY, documents(0.1, 0.9, 0.5))])
    with pytest.raises(BackendError, match=what):
        list(reranker.stream(QUERY, documents(0.1, 0.9, 0.5)))


async def test_a_bug_is_raised_whatever_was_asked_for():
    reranker = ReasoningReranker(Buggy(), on_error="keep")
    with pytest.raises(TypeError, match="of its own"):
        reranker.rerank(QUERY, documents(0.1, 0.9))
    with pytest.raises(TypeError, match="of its own"):
        await reranker.arerank(QUERY, documents(0.1, 0.9))


def test_usage_and_timings_tell_what_was_done():
    result = ReasoningReranker(Perfect(), keep="all").answer(QUERY, documents(0.1, 0.9, 0.5))
    assert (result.usage.calls, result.usage.prompt_tokens, result.usage.completion_tokens) == (4, 40, 5)
    assert set(result.timings) == {"filter", "answer"}
