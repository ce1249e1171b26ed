"""Ranking metrics against ir_measures (trec_eval), and the promises that hold for every order."""

import math
from functools import partial

import ir_measures
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag_reasoner import metrics
from rag_reasoner.errors import InvalidInput

IDS = st.sampled_from([f"d{number}" for number in range(12)])
QUERIES = st.sampled_from([f"q{number}" for number in range(5)])
ORDERS = st.lists(IDS, unique=True)
GRADES = st.dictionaries(IDS, st.integers(-1, 3), min_size=1)
CUTS = st.sampled_from([1, 2, 3, 5, 10, 20])
ALL = (
    metrics.recall,
    metrics.precision,
    metrics.hit,
    metrics.reciprocal_rank,
    metrics.average_precision,
    metrics.ndcg,
)
THEIRS = {
    "recall@3": ir_measures.R @ 3,
    "recall@10": ir_measures.R @ 10,
    "precision@3": ir_measures.P @ 3,
    "precision@10": ir_measures.P @ 10,
    "hit@3": ir_measures.Success @ 3,
    "mrr": ir_measures.RR,
    "map": ir_measures.AP,
    "map@5": ir_measures.AP @ 5,
    "ndcg": ir_measures.nDCG,
    "ndcg@3": ir_measures.nDCG @ 3,
    "ndcg@10": ir_measures.nDCG @ 10,
}


def judged_by_ir_measures(run, qrels):
    # A grade below 0 is no better than 0 to every measure here, and can send pytrec_eval into an endless loop.
    judgements = [
        ir_measures.Qrel(q, doc, max(grade, 0)) for q, grades in qrels.items() for doc, grade in grades.items()
    ]
    scored = [
        ir_measures.ScoredDoc(q, doc, float(-place)) for q, order in run.items() for place, doc in enumerate(order)
    ]
    found = ir_measures.iter_calc(list(THEIRS.values()), judgements, scored)
    return {(one.query_id, str(one.measure)): one.value for one in found}


@given(st.dictionaries(QUERIES, ORDERS, min_size=1), st.dictionaries(QUERIES, GRADES, min_size=1))
def test_every_figure_equals_ir_measures_and_silence_is_zero(run, qrels):
    theirs = judged_by_ir_measures(run, qrels)
    for name, measure in THEIRS.items():
        ours = metrics.per_query(metrics.named(name), run, qrels)
        assert ours.keys() == qrels.keys()
        for query, value in ours.items():
            assert value == pytest.approx(theirs.get((query, str(measure)), 0.0), abs=1e-9), (name, query)


@given(ORDERS, st.sets(IDS, min_size=1), CUTS)
def test_figures_lie_between_0_and_1_and_an_empty_order_earns_nothing(order, relevant, k):
    for metric in ALL:
        assert 0 <= metric(order, relevant, k) <= 1
        assert metric([], relevant, k) == 0


@given(GRADES, CUTS)
def test_the_best_order_is_perfect(grades, k):
    best = sorted(grades, key=lambda one: -grades[one])
    expected = 1.0 if any(grade > 0 for grade in grades.values()) else 0.0
    assert metrics.ndcg(best, grades, k) == pytest.approx(expected)
    assert metrics.average_precision(best, grades) == pytest.approx(expected)
    assert metrics.reciprocal_rank(best, grades, k) == metrics.hit(best, grades, k) == expected


@given(ORDERS, GRADES, st.data())
def test_moving_a_relevant_document_up_never_lowers_a_figure(order, grades, data):
    found = [one for one in order if grades.get(one, 0) > 0]
    if not found:
        return
    moved = data.draw(st.sampled_from(found))
    place = order.index(moved)
    if place == 0 or grades.get(order[place - 1], 0) >= grades[moved]:
        return
    better = [*order[: place - 1], moved, order[place - 1], *order[place + 1 :]]
    for metric in ALL:
        for k in (None, 1, 3, 10):
            assert metric(better, grades, k) >= metric(order, grades, k) - 1e-12


@given(st.lists(IDS), GRADES, CUTS)
def test_a_second_mention_changes_nothing(order, grades, k):
    once = list(dict.fromkeys(order))
    for metric in ALL:
        assert metric(order, grades, k) == metric(once, grades, k)


@given(ORDERS, st.sets(IDS, min_size=1), CUTS)
def test_recall_and_hit_grow_with_k(order, relevant, k):
    for metric in (metrics.recall, metrics.hit, metrics.reciprocal_rank, metrics.average_precision):
        assert metric(order, relevant, k) <= metric(order, relevant, k + 1)


def test_a_known_ranking_has_the_figures_worked_out_by_hand():
    order, grades = ["a", "b", "c", "d"], {"b": 1, "d": 2, "x": 1}
    assert metrics.ndcg(order, grades, 4) == pytest.approx(
        (1 / math.log2(3) + 2 / math.log2(5)) / (2 + 1 / math.log2(3) + 1 / 2)
    )
    assert metrics.average_precision(order, grades) == pytest.approx((1 / 2 + 2 / 4) / 3)
    assert metrics.precision(order, grades, 10) == pytest.approx(2 / 10)
    assert metrics.precision(order, grades) == pytest.approx(2 / 4)
    assert metrics.recall(order, grades, 2) == pytest.approx(1 / 3)


def test_a_query_that_the_run_is_silent_about_lowers_the_mean():
    qrels = {"q1": {"a"}, "q2": {"b"}}
    assert metrics.evaluate({"q1": ["a"], "q9": ["z"]}, qrels, ["hit@1"]) == {"hit@1": 0.5}


def test_equal_scores_keep_their_order():
    assert metrics.by_score([0.5, 0.9, 0.5, 0.9]) == [1, 3, 0, 2]


@pytest.mark.parametrize("name", ["err", "ndcg@", "ndcg@0", "ndcg@-1", "ndcg@ten", "", "@5"])
def test_an_unknown_metric_is_refused_with_the_known_ones(name):
    with pytest.raises(InvalidInput, match="choose one of recall"):
        metrics.named(name)


@pytest.mark.parametrize(
    "wrong",
    [
        partial(metrics.recall, ["a"], {"a"}, 0),
        partial(metrics.ndcg, "abc", {"a"}),
        partial(metrics.ndcg, ["a"], "abc"),
        partial(metrics.ndcg, ["a"], {"a": math.nan}),
        partial(metrics.evaluate, {}, {}, ["mrr"]),
    ],
)
def test_what_cannot_be_measured_is_an_error(wrong):
    with pytest.raises(InvalidInput):
        wrong()
