"""Whether any candidate says what is asked: the best is held against the others."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag_reasoner.errors import InvalidInput, ModelError
from rag_reasoner.models.adapter_card import CARD, read_card
from rag_reasoner.models.answerable import Answerable, read_answerable

FITTED = Answerable(best=1.0, others=-0.8, bias=0.0, typical=-4.0)
CHANCES = st.lists(st.floats(0, 1), min_size=1, max_size=20)


@given(CHANCES)
def test_it_is_a_probability_whatever_the_judge_made_of_the_candidates_in_any_order(chances):
    assert 0 <= FITTED(chances) <= 1
    assert FITTED(chances[::-1]) == FITTED(chances)


@given(CHANCES, st.floats(0, 1), st.floats(0, 1))
def test_a_likelier_best_never_tells_less(others, one, other):
    low, high = sorted((max(one, *others), max(other, *others)))
    assert FITTED([*others, high]) >= FITTED([*others, low])


@given(CHANCES, st.floats(0, 1), st.floats(0, 1))
def test_a_best_candidate_tells_less_where_another_is_likelier_too(others, one, other):
    low, high = sorted((one, other))
    assert FITTED([1.0, *others, low]) >= FITTED([1.0, *others, high])


def test_few_others_count_for_little():
    """Beside one other candidate what is typical decides, beside thirty their mean does."""
    alone, few, many = (FITTED([0.4, *([0.3] * count)]) for count in (0, 1, 30))
    assert many < few < alone


def test_it_is_worked_out_from_log_odds():
    """By hand: log-odds 2 of the best; of the others -1 and -3 with four of -4, so -10/3; 2 + .8 * 10/3 = 4.667."""
    assert FITTED([0.268941, 0.880797, 0.047426]) == pytest.approx(0.990692, abs=1e-5)


def card_with(folder, answerable):
    told = {"format_version": 1, "base_hash": "b", "answerable": answerable}
    (folder / CARD).write_text(json.dumps(told))
    return folder


def test_a_card_tells_how_it_is_worked_out(tmp_path):
    told = {"best": 1, "others": -0.8, "bias": 0, "typical": -4.0}
    assert read_card(card_with(tmp_path, told)).answerable == FITTED
    assert read_card(card_with(tmp_path, None)).answerable is None


@pytest.mark.parametrize("value", ["x", None, math.nan, math.inf, True])
def test_a_card_of_which_a_weight_is_no_number_is_refused(tmp_path, value):
    told = {"best": value, "others": -0.8, "bias": 0, "typical": -4.0}
    with pytest.raises(ModelError, match=r"answerable=.*: best, others, bias, typical are needed, each a number"):
        read_card(card_with(tmp_path, told))


@pytest.mark.parametrize("stored", [3, [1], {"best": 1}])
def test_so_is_one_that_tells_something_else(stored):
    with pytest.raises(InvalidInput, match="answerable="):
        read_answerable(stored)
