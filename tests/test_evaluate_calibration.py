"""Calibration: fits that no other function beats, checked by brute force; stored where the model reads it."""

import itertools
import json
import math
import random
from dataclasses import astuple
from statistics import fmean

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_evaluate_figures import made

from rag_reasoner.errors import InvalidInput
from rag_reasoner.evaluate.calibrate import calibrate, store
from rag_reasoner.evaluate.fit import answerable, isotonic, platt, platt_among
from rag_reasoner.metrics import expected_calibration_error
from rag_reasoner.models.adapter_card import read_card
from rag_reasoner.models.among import Among
from rag_reasoner.models.answerable import Answerable
from rag_reasoner.models.calibration import Isotonic, Platt, logit

PAIRS = st.lists(
    st.tuples(st.sampled_from([0.0, 0.1, 0.2, 0.5, 0.9, 1.0]), st.booleans()), min_size=2, max_size=7
).filter(lambda pairs: len({label for _, label in pairs}) == 2)


def squared(values, pairs):
    return sum((values[p] - label) ** 2 for p, label in pairs)


def least_squared(pairs):
    """The least squared error of any ascending function: some values are pooled into runs, each at its mean."""
    points = sorted({p for p, _ in pairs})
    best = math.inf
    for cuts in itertools.product([False, True], repeat=len(points) - 1):
        pools, current = [], [points[0]]
        for point, cut in zip(points[1:], cuts, strict=True):
            if cut:
                pools.append(current)
                current = []
            current = [*current, point]
        pools.append(current)
        means = []
        for pool in pools:
            labels = [label for p, label in pairs if p in pool]
            means.append(sum(labels) / len(labels))
        if means == sorted(means):
            values = {p: mean for pool, mean in zip(pools, means, strict=True) for p in pool}
            best = min(best, squared(values, pairs))
    return best


@given(PAIRS)
def test_no_ascending_function_is_closer_than_the_isotonic_one(pairs):
    fitted = isotonic(pairs)
    assert squared({p: fitted(p) for p, _ in pairs}, pairs) == pytest.approx(least_squared(pairs), abs=1e-9)


@given(PAIRS, st.lists(st.floats(0, 1), min_size=2, max_size=20))
def test_isotonic_and_platt_give_probabilities_and_isotonic_ascends(pairs, points):
    for fit in (isotonic(pairs), platt(pairs)):
        assert all(0 <= fit(p) <= 1 for p in points)
    values = [isotonic(pairs)(p) for p in sorted(points)]
    assert all(one <= other + 1e-12 for one, other in itertools.pairwise(values))


def smoothed_loss(a, b, pairs):
    positives = sum(label for _, label in pairs)
    high, low = (positives + 1) / (positives + 2), 1 / (len(pairs) - positives + 2)
    total = 0.0
    for p, label in pairs:
        q, target = Platt(a, b)(p), high if label else low
        total -= target * math.log(q) + (1 - target) * math.log(1 - q)
    return total


@given(st.integers(0, 10_000))
def test_no_step_away_from_platts_fit_is_likelier(seed):
    chance = random.Random(seed)
    pairs = [(p := chance.uniform(0.02, 0.98), chance.random() < p**2) for _ in range(30)]
    pairs += [(0.4, True), (0.6, False)]
    fitted = platt(pairs)
    best = smoothed_loss(fitted.a, fitted.b, pairs)
    for step_a, step_b in itertools.product((-0.05, 0.0, 0.05), repeat=2):
        assert smoothed_loss(fitted.a + step_a, fitted.b + step_b, pairs) >= best - 1e-6


def test_platt_finds_the_sigmoid_that_made_the_labels():
    chance = random.Random(0)
    truth = Platt(0.5, -1.0)
    pairs = [(p := chance.random(), chance.random() < truth(p)) for _ in range(20_000)]
    fitted = platt(pairs)
    assert (fitted.a, fitted.b) == pytest.approx((0.5, -1.0), abs=0.06)


def chosen_by(chance, count, said, words):
    """Questions of six candidates, of which one is relevant: drawn by the softmax of its weighed log-odds and words."""
    for number in range(count):
        drawn = [(chance.uniform(0.02, 0.98), chance.random()) for _ in range(6)]
        odds = [math.exp(said * logit(p) + words * near) for p, near in drawn]
        (first,) = chance.choices(range(6), odds)
        yield from ((p, place == first, near, number) for place, (p, near) in enumerate(drawn))


def fitted_with_words(told):
    return platt_among([(p, label) for p, label, _, _ in told], [one[2] for one in told], [one[3] for one in told])


def test_platt_among_finds_what_words_were_worth_where_the_labels_were_made():
    fitted = fitted_with_words(list(chosen_by(random.Random(0), 8_000, 0.8, 1.6)))
    assert fitted.among.nearness / fitted.a == pytest.approx(2.0, abs=0.15)
    assert fitted.a > 0


def test_words_that_all_candidates_of_a_question_share_are_worth_nothing():
    """Added to all candidates of a question, nearness says nothing of which is relevant; and so nothing changes."""
    told = list(chosen_by(random.Random(1), 4_000, 0.8, 1.6))
    shifted = [(p, label, near + number % 5, number) for p, label, near, number in told]
    one, other = fitted_with_words(told), fitted_with_words(shifted)
    assert other.among.nearness / other.a == pytest.approx(one.among.nearness / one.a)


def test_words_that_foretell_every_label_have_a_finite_worth():
    told = [
        (0.5, place == number % 3, float(place == number % 3), number) for number in range(30) for place in range(3)
    ]
    fitted = fitted_with_words(told)
    assert 1 < fitted.among.nearness < 1_000


def test_questions_of_one_candidate_cannot_tell_what_words_are_worth():
    with pytest.raises(InvalidInput, match="none of 40 questions has relevant candidates and others"):
        fitted_with_words([(0.5, number % 2 == 0, 1.0, number) for number in range(40)])


def test_words_do_not_hide_a_judge_that_is_wrong_way_round():
    told = chosen_by(random.Random(2), 200, 0.8, 1.6)
    fitted = fitted_with_words([(1 - p, label, near, number) for p, label, near, number in told])
    assert fitted.a < 0 < fitted.among.nearness


def says_yes_too_easily_of_some_questions(chance, count):
    """Twelve candidates a question: what a judge says of all of them is off by the same, drawn for each question, and
    its log-odds are twice too wide, and one too high."""
    for number in range(count):
        off = chance.gauss(0, 2)
        for true in [chance.gauss(-2, 1.5) for _ in range(12)]:
            said = 1 / (1 + math.exp(-2 * (true + off) - 1))
            yield said, chance.random() < 1 / (1 + math.exp(-true)), 0.0, number


def test_where_a_judge_finds_all_candidates_likely_each_counts_for_less():
    """The mean of twelve and four imagined moves by 12/16 of what all are off by, so that much is found and undone,
    but for what the twelve differ by themselves: 2^2 / (2^2 + 1.5^2 / 12) of it."""
    fitted = fitted_with_words(list(says_yes_too_easily_of_some_questions(random.Random(0), 2_000)))
    assert (fitted.a, fitted.b) == (pytest.approx(0.5, abs=0.03), pytest.approx(-0.5, abs=0.1))
    assert fitted.among.together * 12 / 16 == pytest.approx(-4 / (4 + 1.5**2 / 12), abs=0.05)
    assert fitted.among.typical == pytest.approx(-2, abs=0.2)


def test_separable_pairs_have_a_fit():
    fitted = platt([(0.1, False)] * 50 + [(0.9, True)] * 50)
    assert math.isfinite(fitted.a)
    assert fitted(0.9) > 0.9
    assert fitted(0.1) < 0.1


def test_the_fit_of_whether_there_is_an_answer_finds_the_odds_that_made_the_labels():
    chance = random.Random(0)
    drawn = [[chance.uniform(0.01, 0.99) for _ in range(chance.randint(1, 12))] for _ in range(40_000)]
    truth = Answerable(1.2, -1.5, -0.5, fmean(logit(p) for pool in drawn for p in pool))
    fitted = answerable([(pool, chance.random() < truth(pool)) for pool in drawn])
    assert astuple(fitted) == pytest.approx(astuple(truth), abs=0.08)


def test_pools_that_all_have_an_answer_cannot_be_fitted_nor_can_an_empty_one():
    with pytest.raises(InvalidInput, match="2 pools, all with one label"):
        answerable([([0.1], True)] * 2)
    with pytest.raises(InvalidInput, match="without a candidate"):
        answerable([([], True), ([0.1], False)])


def test_certainty_has_a_logit():
    assert math.isfinite(logit(0.0))
    assert math.isfinite(logit(1.0))


@pytest.mark.parametrize("fit", [isotonic, platt])
def test_pairs_of_one_label_cannot_be_fitted(fit):
    with pytest.raises(InvalidInput, match="2 pairs, all with one label"):
        fit([(0.1, True), (0.9, True)])


def overconfident(count=400):
    """Questions whose P(relevant) is 0.9 and 0.5 where it should be 0.5 and 0.1."""
    for number in range(count):
        chance = random.Random(number)
        relevant = {name: 1.0 for name, p in (("a", 0.5), ("b", 0.1)) if chance.random() < p}
        yield made(id=f"q{number}", probabilities={"a": 0.9, "b": 0.5}, relevant=relevant)


@pytest.mark.parametrize("method", ["isotonic", "platt"])
def test_calibration_lowers_the_error_on_questions_it_has_not_seen(method):
    found = calibrate(list(overconfident()), method)
    assert found.before == pytest.approx(0.4, abs=0.06)
    assert found.after < 0.06
    assert (found.pairs, found.calibration(0.9)) == (800, pytest.approx(0.5, abs=0.06))


def test_the_error_after_is_that_of_questions_not_fitted_on():
    chance = random.Random(0)
    noise = [
        made(id=f"q{n}", probabilities={"a": chance.random()}, relevant={"a": 1.0} if chance.random() < 0.5 else {})
        for n in range(60)
    ]
    found = calibrate(noise, "isotonic")
    fitted = [found.calibration(one.probabilities["a"]) for one in noise]
    seen = expected_calibration_error(fitted, [bool(one.relevant) for one in noise])
    assert seen < 0.01
    assert found.after > 0.05


def test_a_run_without_judged_pairs_cannot_be_calibrated():
    with pytest.raises(InvalidInput, match="no judged pair"):
        calibrate([made(probabilities={"a": None})], "platt")


@pytest.fixture
def adapter(tmp_path):
    card = {"format_version": 1, "base_hash": "abc", "anything": [1]}
    (tmp_path / "card.json").write_text(json.dumps(card))
    return tmp_path


@pytest.mark.parametrize(
    "calibration", [Platt(0.5, -1.0), Platt(0.5, -1.0, Among(2.0, -0.5, -4.0)), Isotonic((0.1, 0.9), (0.0, 0.7))]
)
def test_what_is_stored_is_what_the_model_reads(adapter, calibration):
    store(calibration, adapter)
    assert read_card(adapter).calibration == calibration
    assert json.loads((adapter / "card.json").read_text())["anything"] == [1]


def test_a_calibration_is_never_laid_on_another_unasked(adapter):
    store(Platt(1.0, 0.0), adapter)
    with pytest.raises(InvalidInput, match="has a calibration already"):
        store(Platt(2.0, 0.0), adapter)
    store(Platt(2.0, 0.0), adapter, replace=True)
    assert read_card(adapter).calibration == Platt(2.0, 0.0)


def test_what_was_fitted_on_top_of_another_calibration_does_not_outlive_it(adapter):
    weights = {"best": 1.0, "others": -1.0, "bias": 0.0, "typical": -4.0}
    told = json.loads((adapter / "card.json").read_text())
    fitted = {"drop_below": 0.02, "answerable": weights, "abstain_below": 0.3}
    fitted |= {"calibration": {"platt": {"a": 1.0, "b": 0.0, "nearness": 2.0, "together": -1.0}}}
    (adapter / "card.json").write_text(json.dumps({**told, **fitted}))
    gone = ("drop_below", "answerable", "abstain_below", "nearness", "together")
    assert store(Platt(2.0, 0.0), adapter, replace=True) == gone
    card = read_card(adapter)
    assert (card.drop_below, card.answerable, card.abstain_below) == (None, None, None)
    assert json.loads((adapter / "card.json").read_text())["anything"] == [1]
