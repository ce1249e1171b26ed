"""Citations, calibration, comparison and agreement of orders: counted by hand and by brute force."""

import math
from fractions import Fraction
from itertools import combinations, product
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag_reasoner import metrics
from rag_reasoner.errors import InvalidInput

IDS = st.lists(st.integers(0, 6), max_size=6)
PREDICTIONS = st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1)


@given(IDS, IDS)
def test_citation_shares_lie_between_0_and_1_and_repeating_a_citation_earns_nothing(cited, relevant):
    for share in (metrics.citation_precision, metrics.citation_recall):
        assert 0 <= share(cited, relevant) <= 1
        assert share([*cited, *cited], relevant) == share(cited, relevant)
        assert share(relevant, relevant) == 1.0


@pytest.mark.parametrize(
    ("cited", "relevant", "precision", "recall"),
    [
        (["a", "b"], ["a"], 0.5, 1.0),
        (["a"], ["a", "b"], 1.0, 0.5),
        ([], ["a"], 0.0, 0.0),
        (["a"], [], 0.0, 0.0),
        ([], [], 1.0, 1.0),
    ],
)
def test_citations_are_scored_against_the_relevant_documents(cited, relevant, precision, recall):
    assert metrics.citation_precision(cited, relevant) == precision
    assert metrics.citation_recall(cited, relevant) == recall


def test_the_predicted_sources_are_those_cited_or_those_above_a_probability():
    probabilities = {"a": 0.2, "b": 0.9, "c": None, "d": 0.5}
    assert metrics.predicted_sources(["d", "a", "d"], probabilities) == ["d", "a"]
    assert metrics.predicted_sources(["a"], probabilities, by="probability") == ["b"]
    assert metrics.predicted_sources(["a"], probabilities, by="probability", threshold=0.1) == ["a", "b", "d"]
    with pytest.raises(InvalidInput, match="'both'"):
        metrics.predicted_sources(["a"], probabilities, by="both")


def test_a_share_of_nothing_is_none_and_not_zero():
    assert metrics.quotes([]).verified_share is None
    assert metrics.faults([]).faultless_share is None
    assert (metrics.abstentions([]).precision, metrics.abstentions([]).recall) == (None, None)
    assert metrics.quotes(["none"]).verified_share == 0.0


def test_quotes_faults_and_abstentions_are_counted():
    assert metrics.quotes(["exact", "none", "normalised", "exact"]) == metrics.Quotes(2, 1, 1)
    assert metrics.quotes(["exact", "none", "normalised", "exact"]).verified_share == 0.75
    counted = metrics.faults([["duplicate", "duplicate"], [], ["duplicate", "missing"]])
    assert (counted.counts, counted.replies, counted.faultless) == ({"duplicate": 2, "missing": 1}, 3, 1)
    found = metrics.abstentions(
        [(True, False), (True, True), (False, False), (False, True), (True, False)] + 2 * [(False, False)]
    )
    assert found == metrics.Abstentions(right=2, false=1, missed=3, answered=1)
    assert (found.precision, found.recall) == (pytest.approx(2 / 3), pytest.approx(2 / 5))


@given(PREDICTIONS, st.integers(1, 20))
def test_the_calibration_error_is_the_weighted_gap_of_the_bins(predictions, bins):
    probabilities, labels = zip(*predictions, strict=True)
    expected = 0.0
    for number in range(bins):
        low, high = number / bins, (number + 1) / bins
        inside = [one for one in predictions if low < one[0] <= high or (number == 0 and one[0] == 0)]
        expected += abs(sum(p for p, _ in inside) - sum(label for _, label in inside)) / len(predictions)
    found = metrics.expected_calibration_error(probabilities, labels, bins)
    assert found == pytest.approx(expected, abs=1e-9)
    assert 0 <= found <= 1
    assert sum(one.count for one in metrics.reliability(probabilities, labels, bins)) == len(predictions)


def test_an_edge_belongs_to_the_bin_below_it_and_a_perfect_forecast_has_no_error():
    bins = metrics.reliability([0.0, 0.1, 0.3, 0.7, 1.0], [False] * 5)
    assert [one.count for one in bins] == [2, 0, 1, 0, 0, 0, 1, 0, 0, 1]
    assert bins[1].confidence is bins[1].frequency is None
    assert metrics.reliability([1.0], [True], 49)[-1].count == 1
    assert metrics.expected_calibration_error([0.0, 1.0], [False, True]) == 0.0
    assert metrics.expected_calibration_error([1.0, 0.0], [False, True]) == 1.0
    assert metrics.expected_calibration_error([0.25] * 4, [True, False, False, False]) == 0.0


@pytest.mark.parametrize(
    ("probabilities", "labels", "bins"),
    [([], [], 10), ([0.5], [], 10), ([1.1], [True], 10), ([math.nan], [True], 10), ([0.5], [True], 0)],
)
def test_what_is_no_forecast_is_refused(probabilities, labels, bins):
    with pytest.raises(InvalidInput):
        metrics.expected_calibration_error(probabilities, labels, bins)


def runs(difference, n=60, noise=0.1, seed=3):
    random = Random(seed)
    a = {f"q{number}": random.random() for number in range(n)}
    return a, {query: value + difference + random.uniform(-noise, noise) for query, value in a.items()}


def test_the_bootstrap_is_reproducible_and_independent_of_the_order_of_the_queries():
    a, b = runs(0.05)
    first = metrics.paired_bootstrap(a, b, samples=500, seed=7)
    assert first == metrics.paired_bootstrap(dict(reversed(a.items())), b, samples=500, seed=7)
    assert first != metrics.paired_bootstrap(a, b, samples=500, seed=8)


def test_the_bootstrap_finds_a_clear_difference_and_doubts_an_accidental_one():
    clear = metrics.paired_bootstrap(*runs(0.1), samples=1000)
    assert clear.low > 0
    assert clear.p == pytest.approx(1 / 1001)
    accidental = metrics.paired_bootstrap(*runs(0.0), samples=1000)
    assert accidental.low < 0 < accidental.high
    assert accidental.p > 0.05


def test_exchanging_the_runs_turns_the_difference_round():
    a, b = runs(0.02)
    forth, back = metrics.paired_bootstrap(a, b, samples=400), metrics.paired_bootstrap(b, a, samples=400)
    assert (back.difference, back.low, back.high) == pytest.approx((-forth.difference, -forth.high, -forth.low))
    assert back.p == forth.p


def test_the_interval_is_the_one_of_the_normal_distribution_for_many_queries():
    a, b = runs(0.05, n=400)
    differences = [b[query] - a[query] for query in a]
    mean = sum(differences) / 400
    deviation = math.sqrt(sum((one - mean) ** 2 for one in differences) / 400)
    found = metrics.paired_bootstrap(a, b, samples=2000)
    assert found.low == pytest.approx(mean - 1.96 * deviation / 20, abs=0.001)
    assert found.high == pytest.approx(mean + 1.96 * deviation / 20, abs=0.001)


def test_p_is_the_share_of_all_resamples_that_lie_as_far_out_ties_included():
    differences = [Fraction(-1, 5), Fraction(-1, 3), Fraction(3, 10), Fraction(1, 10)]
    found = sum(differences) / 4
    means = [sum(drawn) / 4 for drawn in product(differences, repeat=4)]
    exact = sum(abs(one - found) >= abs(found) for one in means) / len(means)
    a = {f"q{number}": 0.0 for number in range(4)}
    b = {f"q{number}": float(one) for number, one in enumerate(differences)}
    assert metrics.paired_bootstrap(a, b).p == pytest.approx(exact, abs=0.02)


def test_equal_runs_do_not_differ():
    a, _ = runs(0)
    assert metrics.paired_bootstrap(a, a, samples=100).p == 1.0


@pytest.mark.parametrize("wrong", [{"b": {}}, {"samples": 0}, {"confidence": 1.0}])
def test_what_cannot_be_compared_is_refused(wrong):
    with pytest.raises(InvalidInput):
        metrics.paired_bootstrap(**{"a": {"q": 1.0}, "b": {"q": 1.0}, **wrong})


@given(st.permutations(range(7)), st.permutations(range(7)))
def test_kendalls_tau_counts_the_pairs_in_the_same_order(one, other):
    same = sum(
        (one.index(a) - one.index(b)) * (other.index(a) - other.index(b)) > 0 for a, b in combinations(range(7), 2)
    )
    assert metrics.kendall_tau(one, other) == pytest.approx((2 * same - 21) / 21)
    assert metrics.kendall_tau(one, other) == metrics.kendall_tau(other, one)


def test_orders_agree_with_themselves_and_oppose_their_reverse():
    assert metrics.kendall_tau("abcd", "abcd") == 1.0
    assert metrics.kendall_tau("abcd", "dcba") == -1.0
    assert metrics.kendall_tau([], []) == metrics.kendall_tau(["a"], ["a"]) == 1.0


@pytest.mark.parametrize(("one", "other"), [("ab", "ac"), ("aab", "ab"), ("ab", "abb"), ("ab", "abc")])
def test_orders_of_different_things_are_not_compared(one, other):
    with pytest.raises(InvalidInput, match="same things"):
        metrics.kendall_tau(one, other)
