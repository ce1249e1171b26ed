"""Whether any candidate says what is asked: the best is held against the rest."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag_reasoner.errors import InvalidInput, ModelError
from rag_reasoner.models.adapter_card import CARD, read_card
from rag_reasoner.models.answerable import Answerable, read_answerable

FITTED = Answerable(best=1.0, rest=-0.8, bias=0.0, typical=-4.0)
CHANCES = st.floats(0, 1)
UNLIKELY = st.floats(0, 0.49)


@given(st.lists(st.tuples(CHANCES, CHANCES), min_size=1, max_size=20))
def test_it_is_a_probability_whatever_the_judge_made_of_the_candidates(judged):
    assert 0 <= FITTED(judged) <= 1


@given(st.lists(UNLIKELY, min_size=1, max_size=8), UNLIKELY, UNLIKELY)
def test_a_best_candidate_tells_less_where_the_others_are_likelier_too(others, one, other):
    low, high = sorted((one, other))
    best = (0.49, 0.49)
    rest = [(p, p) for p in others]
    assert FITTED([best, *rest, (low, low)]) >= FITTED([best, *rest, (high, high)])


@given(st.integers(1, 12))
def test_documents_that_are_all_relevant_do_not_speak_against_each_other(count):
    assert FITTED([(0.7, 0.9)] * count) == pytest.approx(FITTED([(0.7, 0.9)]))


def test_few_others_count_for_little():
    """Beside one other candidate what is typical decides, beside thirty their mean does."""
    few, many = ([(0.4, 0.6), *([(0.3, 0.3)] * count)] for count in (1, 30))
    assert FITTED(many) < FITTED(few) < FITTED([(0.4, 0.6)])


def test_it_is_worked_out_from_log_odds():
    """By hand: log-odds 2 of the best; of the rest -1 and -3 with four of -4, so -10/3; 2 + .8 * 10/3 = 4.667."""
    judged = [(0.880797, 0.9), (0.268941, 0.2), (0.047426, 0.1)]
    assert FITTED(judged) == pytest.approx(0.990692, abs=1e-5)


def test_a_card_tells_how_it_is_worked_out(tmp_path):
    told = {"format_version": 1, "base_hash": "b", "answerable": {"best": 1, "rest": -0.8, "bias": 0, "typical": -4.0}}
    (tmp_path / CARD).write_text(json.dumps(told))
    assert read_card(tmp_path).answerable == FITTED


@pytest.mark.parametrize("stored", [{"best": 1}, {"best": "x", "rest": 0, "bias": 0, "typical": 0}])
def test_a_card_that_tells_it_otherwise_is_refused(tmp_path, stored):
    with pytest.raises(InvalidInput, match="best, rest, bias and typical are needed"):
        read_answerable(stored)
    (tmp_path / CARD).write_text(json.dumps({"format_version": 1, "base_hash": "b", "answerable": stored}))
    with pytest.raises(ModelError, match="answerable="):
        read_card(tmp_path)


def test_a_card_whose_answerable_is_no_table_is_refused(tmp_path):
    (tmp_path / CARD).write_text(json.dumps({"format_version": 1, "base_hash": "b", "answerable": 3}))
    with pytest.raises(ModelError, match="answerable=3"):
        read_card(tmp_path)
