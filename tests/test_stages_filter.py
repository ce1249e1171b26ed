"""The coarse stage: what it keeps, what it drops, and what it says of both."""

import math
from dataclasses import replace

import pytest
from fakes import CARD, QUERY, UNTRAINED, Dumb, Perfect, documents, kinds, positions
from hypothesis import example, given
from hypothesis import strategies as st

from rag_reasoner import Candidate, Document, ReasoningReranker
from rag_reasoner.backends.base import Card, Judged
from rag_reasoner.errors import InvalidInput
from rag_reasoner.models.among import Among
from rag_reasoner.stages.keep import parse_keep
from rag_reasoner.types import Fault
from rag_reasoner.words import bm25

UNCALIBRATED = Card("uncalibrated", 100_000)


class Judges(Perfect):
    """Gives the next of its verdicts, whatever the document."""

    def __init__(self, *verdicts, card=CARD):
        super().__init__(card)
        self.verdicts = iter(verdicts)

    def verdict(self, task):
        return Judged(next(self.verdicts))


def filtered(model, given, **settings):
    return ReasoningReranker(model, stages=("filter",), **settings).rerank(QUERY, given)


@pytest.mark.parametrize("nonsense", [float("nan"), float("inf"), -0.1, 1.5, None])
def test_what_is_no_probability_counts_as_not_judged_and_is_never_dropped(nonsense):
    result = filtered(Judges(0.9, nonsense, 0.1), documents(1, 1, 1), keep=1)
    assert [one.candidate.position for one in result.ranked] == [0, 1]
    assert result.ranked[1].probability is None
    assert [(fault.kind, fault.position) for fault in result.faults] == [("backend_error", 1)]
    assert result.degraded


def test_one_that_could_not_be_judged_stands_between_the_better_and_the_worse():
    result = filtered(Judges(0.2, None, 0.9), documents(1, 1, 1), keep="all")
    assert [one.candidate.position for one in result.ranked] == [2, 1, 0]


def test_an_order_that_rests_on_a_candidate_nobody_judged_is_degraded_though_the_model_ranked_it():
    model = Judges(0.9, None, 0.8)
    result = ReasoningReranker(model, keep="all").rerank(QUERY, documents(0.9, 0.7, 0.8))
    assert {one.ordered_by for one in result.ranked} == {"fake"}
    assert result.degraded


def test_a_budget_does_not_put_what_was_never_read_before_what_was_found_good():
    result = filtered(Judges(*[0.1] * 7, 0.99), documents(*[1] * 30), tokens=0)
    untouched = [one.candidate.position for one in result.ranked]
    first = filtered(Perfect(), documents(*[0.1] * 7, 0.9, *[0.5] * 22), tokens=70)
    assert untouched == list(range(30))
    assert first.ranked[0].candidate.position == 7
    assert {fault.kind for fault in first.faults} == {"budget"}
    assert positions(first) == list(range(30))


@example([0.1, 0.2, 0.3, 0.4], 1, 3, True)
@given(
    st.lists(st.one_of(st.none(), st.floats(0, 1)), max_size=12),
    st.one_of(st.sampled_from(["auto", "all"]), st.integers(1, 14), st.floats(0.01, 0.99)),
    st.one_of(st.none(), st.integers(1, 14)),
    st.booleans(),
)
def test_the_filter_never_leaves_fewer_than_asked_for_nor_drops_what_was_not_judged(verdicts, keep, top_n, trained):
    model = Judges(*verdicts, card=CARD if trained else UNTRAINED)
    result = filtered(model, documents(*[1] * len(verdicts)), keep=keep, top_n=top_n)
    asked = max(keep if isinstance(keep, int) else 3, top_n or 1)
    gone = [one for one in result.dropped if "beyond top_n" not in one.reason]
    assert len(verdicts) - len(gone) >= min(asked, len(verdicts))
    assert all(one.probability is not None for one in gone if len(verdicts) > 1)
    kept = [one.probability for one in result.ranked if one.probability is not None]
    if trained and gone and kept:
        assert max(one.probability for one in gone) <= min(kept)


def test_a_score_that_came_in_under_the_filters_name_does_not_pose_as_a_probability():
    given_ = [Candidate(Document("a", "worth 0.3 x"), scores={"relevance": 27.0}), *documents(0.5)]
    one, *_ = ReasoningReranker(Perfect(), stages=("rank",)).rerank(QUERY, given_[:1]).ranked
    assert one.probability is None
    assert one.candidate.scores == {"given relevance": 27.0}
    first, second = filtered(Perfect(), given_).ranked
    assert second.candidate.scores == {"given relevance": 27.0, "relevance": 0.3}
    assert first.candidate.scores == {"relevance": 0.5}
    assert given_[0].scores == {"relevance": 27.0}


def test_a_ranking_can_be_ranked_again():
    reranker = ReasoningReranker(Perfect())
    once = reranker.rerank(QUERY, documents(0.5, 0.9, 0.7))
    again = reranker.rerank(QUERY, [one.candidate for one in once.ranked])
    assert [one.candidate.document for one in again.ranked] == [one.candidate.document for one in once.ranked]
    assert [one.probability for one in again.ranked] == [0.9, 0.7, 0.5]


@pytest.mark.parametrize(("keep", "flagged"), [("auto", True), (0.5, True), (4, False), ("all", False)])
def test_a_threshold_on_probabilities_that_are_not_calibrated_is_flagged(keep, flagged):
    given_ = documents(0.9, 0.8, 0.7, 0.01, 0.02)
    assert ("uncalibrated" in kinds(filtered(Perfect(UNCALIBRATED), given_, keep=keep))) is flagged
    assert "uncalibrated" not in kinds(filtered(Perfect(), given_, keep=keep))


def test_nothing_is_said_of_a_threshold_that_dropped_nothing():
    assert kinds(filtered(Perfect(UNCALIBRATED), documents(0.9, 0.8, 0.7))) == set()


def test_all_equal_is_said_of_those_judged_only():
    assert "all_equal" in kinds(filtered(Judges(0.5, 0.5, 0.5), documents(1, 1, 1)))
    words = replace(CARD, among=Among(nearness=2.0))
    assert "all_equal" in kinds(filtered(Judges(0.5, 0.5, 0.5, card=words), [*documents(1, 1), Document("r", "rain")]))
    assert "all_equal" not in kinds(filtered(Judges(0.5, None, None), documents(1, 1, 1)))
    assert "all_equal" not in kinds(filtered(Judges(0.5, 0.5, 0.6), documents(1, 1, 1)))


def test_a_trained_judge_that_ranks_alone_is_named_for_the_order():
    result = filtered(Perfect(), documents(0.3, 0.9))
    assert [one.ordered_by for one in result.ranked] == ["fake", "fake"]
    assert not result.degraded
    assert filtered(Perfect(UNTRAINED), documents(0.3, 0.9)).degraded


def test_with_no_verdict_at_all_the_order_is_that_of_the_retrieval():
    for card in (CARD, UNTRAINED):
        result = filtered(Dumb(card), ["which is worth most", "nothing", "worth"], keep="all")
        assert [one.candidate.position for one in result.ranked] == [0, 1, 2]
        assert {one.ordered_by for one in result.ranked} == {"coarse order"}
        assert result.degraded


def test_an_untrained_judge_only_has_a_vote_beside_the_retrieval():
    given_ = [Candidate(one, scores={"bm25": 9.0 - place}) for place, one in enumerate(documents(0.6, 0.9, 0.1, 0.2))]
    result = filtered(Perfect(UNTRAINED), given_, keep="all")
    assert [one.candidate.position for one in result.ranked] == [0, 1, 2, 3]


def worth_of_words(given_, query="museum opened"):
    model = Judges(*[0.5] * len(given_), card=replace(CARD, among=Among(nearness=2.0)))
    result = ReasoningReranker(model, stages=("filter",), keep="all").rerank(query, given_)
    return {one.candidate.position: one.probability for one in result.ranked}


def test_words_add_to_the_log_odds_what_the_calibration_found_them_worth():
    texts = ["opened museum", "museum", "rain"]
    scores = bm25("museum opened", ["\n" + text for text in texts])
    found = worth_of_words([Candidate(Document(str(n), text), n) for n, text in enumerate(texts)])
    expected = {n: 1 / (1 + math.exp(-2.0 * score / max(scores))) for n, score in enumerate(scores)}
    assert found == pytest.approx(expected)
    assert found[0] > found[1] > found[2] == 0.5


def test_phrases_count_as_much_as_words_and_the_best_of_both_is_the_measure():
    texts = ["the museum opened, opened", "opened museum", "the museum", "rain"]
    scores = [4.0, 8.0, 2.0, 0.0]
    given_ = [Candidate(Document(str(n), text), n, {"lexical": scores[n]}) for n, text in enumerate(texts)]
    shares = [(4 / 8 + 1) / 1.5, 1 / 1.5, (2 / 8) / 1.5, 0.0]
    assert worth_of_words(given_) == pytest.approx({n: 1 / (1 + math.exp(-2.0 * one)) for n, one in enumerate(shares)})


def told_of_each_other(*verdicts):
    model = Judges(*verdicts, card=replace(CARD, among=Among(together=-0.5, typical=-3.0)))
    result = filtered(model, documents(*[1] * len(verdicts)), keep="all")
    return {one.candidate.position: one.probability for one in result.ranked}


def test_where_all_candidates_are_likely_each_is_less_likely_than_the_judge_says():
    found = told_of_each_other(0.9, 0.8, 0.6)
    off = 0.5 * sum(math.log(p / (1 - p)) + 3 for p in (0.9, 0.8, 0.6)) / (3 + 4)
    expected = [1 / (1 + (1 - p) / p * math.exp(off)) for p in (0.9, 0.8, 0.6)]
    assert found == pytest.approx(dict(enumerate(expected)))
    assert told_of_each_other(0.9, 0.01, 0.01)[0] > found[0]


def test_one_that_could_not_be_judged_tells_nothing_of_the_others():
    assert told_of_each_other(0.9, None, 0.6)[0] == pytest.approx(told_of_each_other(0.9, 0.6)[0])


def test_the_retrievers_own_scores_by_words_count_where_every_candidate_has_one():
    def given_(*scores):
        return [Candidate(Document(str(n), "museum"), n, {"lexical": s} if s else {}) for n, s in enumerate(scores)]

    assert worth_of_words(given_(8.0, 4.0)) == pytest.approx({0: 1 / (1 + math.exp(-2)), 1: 1 / (1 + math.exp(-1))})
    assert len(set(worth_of_words(given_(8.0, None)).values())) == 1
    assert set(worth_of_words(given_(-1.0, -2.0)).values()) == {0.5}


def test_auto_drops_what_the_card_calls_clearly_irrelevant():
    for least, kept in ((0.1, [0, 1, 2]), (0.02, [0, 1, 2, 3])):
        model = Judges(0.9, 0.8, 0.7, 0.05, 0.01, card=replace(CARD, drop_below=least))
        result = filtered(model, documents(*[1] * 5))
        assert [one.candidate.position for one in result.ranked] == kept
        assert {one.reason for one in result.dropped} == {f"P(relevant) below {least}"}


def test_a_model_that_only_judges_is_not_asked_to_rank_and_answers_are_extractive():
    model = Judges(0.2, 0.9, 0.3, card=replace(CARD, judges_only=True))
    result = ReasoningReranker(model, keep="all").answer(QUERY, documents(0.1, 0.2, 0.3))
    assert model.completed == []
    assert [one.candidate.position for one in result.ranked] == [1, 2, 0]
    assert {one.ordered_by for one in result.ranked} == {"fake"}
    assert {one.reasoned_by for one in result.ranked} | {result.answer.answered_by} == {"extractive"}
    assert not result.degraded


def test_a_judgement_with_a_fault_counts_and_its_fault_is_told():
    class Blind(Perfect):
        def verdict(self, task):
            return Judged(0.5, Fault("image_unread", "no such file"))

    result = filtered(Blind(), documents(1, 1))
    assert [one.probability for one in result.ranked] == [0.5, 0.5]
    assert [(fault.kind, fault.position) for fault in result.faults] == [("image_unread", 0), ("image_unread", 1)]
    assert not result.degraded


@pytest.mark.parametrize(("text", "keep"), [("auto", "auto"), ("all", "all"), ("7", 7), ("0.2", 0.2), (".5", 0.5)])
def test_keep_is_read_from_text(text, keep):
    assert parse_keep(text) == keep


@pytest.mark.parametrize("text", ["", "7.x", "0", "-1", "1.0", "nan", "1e-3", "many"])
def test_a_text_that_is_no_keep_is_named(text):
    with pytest.raises(InvalidInput, match=f"--keep {text}: give auto"):
        parse_keep(text)
