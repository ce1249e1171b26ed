"""The list-wise stage: windows, shuffles, and who made which place."""

import random
from dataclasses import replace

import pytest
from fakes import (
    CARD,
    QUERY,
    Curt,
    Dumb,
    Failing,
    Garbling,
    Hijacked,
    Leaning,
    Mute,
    Perfect,
    Says,
    documents,
    kinds,
    positions,
    timeless,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from rag_reasoner import Document, ReasoningReranker
from rag_reasoner.backends.base import Card, Reply
from rag_reasoner.metrics import kendall_tau
from rag_reasoner.models.lists import Lists
from rag_reasoner.stages.windows import windows
from rag_reasoner.tasks import RankAndAnswerTask, RankTask
from rag_reasoner.types import Fault

SMALL = Card("fake", context=900)
BAD = [Says("I would rather not."), Says(""), Mute(), Dumb(), Garbling(), Curt(), Hijacked()]


def ranked(model, given_, **settings):
    return ReasoningReranker(model, stages=("rank",), **settings).rerank(QUERY, given_)


def order(result):
    return [one.candidate.position for one in result.ranked]


@settings(max_examples=60)
@given(st.integers(2, 40), st.integers(600, 2500), st.integers(1, 3), st.randoms(use_true_random=False))
def test_a_perfect_model_carries_the_best_from_the_last_place_to_the_first(count, context, shuffles, chance):
    worths = [round(chance.uniform(0, 0.8), 3) for _ in range(count - 1)] + [0.99]
    result = ranked(Perfect(Card("fake", context)), documents(*worths), shuffles=shuffles)
    assert order(result)[0] == count - 1
    assert {one.ordered_by for one in result.ranked} == {"fake"}
    assert not result.degraded


def test_a_model_that_learned_short_lists_ranks_the_best_and_leaves_the_rest_as_judged():
    model = Perfect(replace(CARD, lists=Lists(3, 7)))
    result = ReasoningReranker(model, keep="all").rerank(QUERY, documents(0.5, 0.2, 0.9, 0.4, 0.7))
    assert order(result) == [2, 4, 0, 3, 1]
    assert [len(task.documents) for task in model.completed] == [3]
    assert {one.ordered_by for one in result.ranked} == {"fake"}
    assert not result.degraded


def test_a_short_list_that_fails_is_degraded():
    model = Mute(replace(CARD, name="mute", lists=Lists(3, 7)))
    result = ReasoningReranker(model, filter_model=Perfect(), keep="all").rerank(
        QUERY, documents(0.5, 0.2, 0.9, 0.4, 0.7)
    )
    assert [one.ordered_by for one in result.ranked] == ["coarse order"] * 3 + ["fake"] * 2
    assert result.degraded


@pytest.mark.parametrize(("given_", "words"), [(None, 7), (4, 4)])
def test_a_list_shows_as_much_of_a_document_as_the_model_learned_with_or_as_was_asked_for(given_, words):
    model = Perfect(replace(CARD, lists=Lists(2, 7)))
    long = [Document(f"d{n}", "worth 0.5 " + "word " * 40) for n in range(2)]
    ReasoningReranker(model, stages=("rank",), document_tokens=given_).rerank(QUERY, long)
    (task,) = model.completed
    assert all(0 < len(shown.text.split()) <= words for shown in task.documents)


@given(st.integers(0, 80), st.integers(2, 25))
def test_windows_cover_all_overlap_and_end_at_the_front(count, size):
    found = list(windows(count, size))
    assert sorted({place for window in found for place in window}) == list(range(count))
    assert all(found[n].start < found[n + 1].stop < found[n].stop for n in range(len(found) - 1))
    assert count == 0 or found[-1].start == 0
    assert all(len(window) > 1 for window in found) or count == 1


@pytest.mark.parametrize("model", BAD, ids=lambda model: type(model).__name__)
@pytest.mark.parametrize("shuffles", [1, 4])
@pytest.mark.parametrize("count", [2, 25])
def test_whatever_a_model_says_nothing_is_lost_and_no_place_is_credited_that_it_did_not_state(model, shuffles, count):
    model.card = SMALL
    given_ = documents(*(round(0.9 - n / 50, 2) for n in range(count)))
    result = ReasoningReranker(model, keep="all", shuffles=shuffles).answer(QUERY, given_)
    assert positions(result) == list(range(count))
    assert result.degraded or isinstance(model, Garbling | Curt)
    assert result.faults
    assert "coarse order" in {one.ordered_by for one in result.ranked} or isinstance(model, Garbling)


def test_what_a_short_reply_leaves_out_keeps_its_coarse_order_however_it_was_shuffled():
    result = ranked(Curt(), documents(0.1, 0.2, 0.9, 0.3, 0.4, 0.5), shuffles=5)
    assert order(result) == [2, 0, 1, 3, 4, 5]
    assert [one.ordered_by for one in result.ranked] == ["fake"] + ["coarse order"] * 5
    assert result.agreement == 1.0
    assert result.degraded


def test_a_place_is_the_models_own_only_if_every_reply_that_counts_states_it():
    class First(Perfect):
        def write(self, task):
            return "<rank>1</rank>"

    result = ranked(First(), documents(0.1, 0.2, 0.3), shuffles=2)
    assert {one.ordered_by for one in result.ranked} == {"coarse order"}
    assert result.degraded


class FirstFails(Perfect):
    """Cannot reply to the first task of a batch."""

    def complete(self, tasks, on_text=None):
        return [Reply(None, Fault("backend_error", "broken")), *super().complete(tasks, on_text)[1:]]


def test_if_the_first_of_several_replies_fails_what_the_others_say_counts():
    result = ReasoningReranker(FirstFails(), keep="all", shuffles=4).answer(QUERY, documents(0.3, 0.9, 0.6))
    assert order(result) == [1, 2, 0]
    assert {one.reasoned_by for one in result.ranked} == {"fake"}
    for one in result.ranked:
        (citation,) = one.citations
        assert citation.quote == " ".join(one.candidate.document.text.split()[:2])
        assert citation.position == one.candidate.position
    assert result.answer.text == "it is 0.9 [1]"
    assert result.answer.citations[0].document_id == "d1"
    assert kinds(result) == {"backend_error"}


def test_a_window_that_fails_keeps_its_order_and_what_was_said_before():
    worths = [round(0.3 + n / 100, 2) for n in range(30)]
    given_ = documents(*worths)
    given_[0] = Document("bad", "worth 0.0 cursed")
    result = ranked(Failing("cursed", SMALL), given_)
    assert positions(result) == list(range(30))
    assert kinds(result) == {"backend_error"}
    assert result.degraded
    front = [one for one in result.ranked if one.ordered_by == "coarse order"]
    assert 0 in [one.candidate.position for one in front]
    assert [one.rank for one in front] == list(range(1, len(front) + 1))
    travelled = [one for one in front if one.reasoned_by == "fake"]
    assert travelled
    assert all(one.citations[0].verified == "exact" for one in travelled)
    assert {one.ordered_by for one in result.ranked[len(front) :]} == {"fake"}


def test_only_the_window_at_the_front_is_asked_for_an_answer_and_it_is_asked_last():
    model = Perfect(SMALL)
    ReasoningReranker(model, stages=("rank",)).answer(QUERY, documents(*[0.5] * 30))
    assert [type(task) for task in model.completed[:-1]] == [RankTask] * (len(model.completed) - 1)
    assert type(model.completed[-1]) is RankAndAnswerTask


def test_equal_texts_and_equal_ids_stay_apart():
    same = [Document("a", "worth 0.5 same")] * 4
    result = ranked(Perfect(), same)
    assert order(result) == [0, 1, 2, 3]
    assert all(one.candidate.document is same[0] for one in result.ranked)


def test_the_same_seed_gives_the_same_result_and_another_seed_shows_other_orders():
    def asked(seed):
        model = Leaning(2.0)
        result = ranked(model, documents(*[0.5] * 12), shuffles=5, seed=seed)
        return timeless(result), [tuple(d.original for d in task.documents) for task in model.completed]

    assert asked(3) == asked(3)
    assert ranked(Leaning(2.0), documents(0.1, 0.2, 0.3, 0.4), shuffles=5, seed=1).agreement < 1


def test_agreement_is_reported_for_shuffles_only():
    given_ = documents(0.3, 0.9, 0.6)
    assert ranked(Perfect(), given_).agreement is None
    assert ranked(Perfect(), given_, shuffles=3).agreement == 1.0
    assert ranked(Mute(), given_, shuffles=3).agreement is None
    assert ranked(Perfect(), given_[:1], shuffles=3).agreement is None


def test_several_shuffles_make_the_order_depend_less_on_that_of_the_retrieval_for_nine_queries_in_ten():
    calmer = 0
    for query in range(50):
        chance = random.Random(query)
        given_ = documents(*(round(chance.random(), 3) for _ in range(12)))
        turned = chance.sample(given_, len(given_))
        once, often = (
            kendall_tau(*([j.candidate.document.id for j in ranked(model, some, shuffles=times).ranked]
                          for some in (given_, turned)))
            for model, times in ((Leaning(1.0), 1), (Leaning(1.0), 8))
        )  # fmt: skip
        calmer += often > once
    assert calmer >= 49


@pytest.mark.parametrize("count", [0, 1])
def test_none_or_one_candidate_needs_no_order(count):
    model = Perfect()
    result = ReasoningReranker(model, shuffles=3).rerank(QUERY, documents(0.5)[:count])
    assert (model.judged, model.completed, result.usage.calls) == ([], [], 0)
    assert len(result.ranked) == count
    assert not result.degraded
    assert result.faults == ()


@pytest.mark.parametrize("blind", ["<rank>3 > 2 > 4 > 5 > 1</rank>", "<rank>5 > 4 > 3 > 2 > 1</rank>"])
def test_an_untrained_model_that_ignores_the_documents_does_not_move_the_first_of_the_coarse_order(blind):
    model = Says(blind)
    model.card = Card("untrained", context=5000, trained=False)
    result = ranked(model, documents(0.5, 0.4, 0.3, 0.2, 0.1))
    assert order(result)[0] == 0
    assert order(result) != [0, 1, 2, 3, 4]
    assert sorted(order(result)) == [0, 1, 2, 3, 4]


def test_a_reply_that_was_stopped_says_so():
    class Stopped(Perfect):
        def reply(self, task):
            return Reply(self.write(task)[:-20], truncated=True)

    assert "truncated" in kinds(ranked(Stopped(CARD), documents(0.1, 0.9)))
