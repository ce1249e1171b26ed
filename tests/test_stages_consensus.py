"""Several orders become one; and what fits into a window."""

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag_reasoner.metrics import kendall_tau
from rag_reasoner.stages.consensus import agreement, borda, shuffles
from rag_reasoner.stages.windows import window_size

ORDERS = st.integers(1, 6).flatmap(lambda n: st.lists(st.permutations(range(n)), min_size=1, max_size=6))


@given(st.integers(0, 12), st.integers(1, 9), st.integers())
def test_shuffles_are_orders_of_everything_the_given_one_first_and_every_second_turned_round(count, number, seed):
    found = shuffles(count, number, seed)
    assert len(found) == number
    assert all(sorted(order) == list(range(count)) for order in found)
    assert found[0] == tuple(range(count))
    assert all(found[n + 1] == found[n][::-1] for n in range(0, number - 1, 2))
    assert found == shuffles(count, number, seed)


def test_another_seed_gives_other_shuffles():
    assert shuffles(8, 3, 1)[2] != shuffles(8, 3, 2)[2]


def test_a_lean_to_the_front_cancels_out_between_an_order_and_its_reverse():
    first, second = shuffles(4, 2, 0)
    true = {0: 0.3, 1: 0.0, 2: 0.2, 3: 0.1}

    def ranked(shown):
        return sorted(shown, key=lambda item: 0.25 * shown.index(item) - true[item])

    assert ranked(first) != [0, 2, 3, 1]
    assert list(borda([ranked(first), ranked(second)])) == [0, 2, 3, 1]


@given(ORDERS)
def test_the_combined_order_is_whole_and_what_all_agree_on_stays(orders):
    combined = borda(orders)
    assert sorted(combined) == sorted(orders[0])
    for one, other in permutations(orders[0], 2):
        if all(order.index(one) < order.index(other) for order in orders):
            assert combined.index(one) < combined.index(other)


def test_ties_go_by_the_first_order():
    assert borda([(0, 1, 2), (2, 1, 0)]) == (0, 1, 2)
    assert borda([(2, 1, 0), (0, 1, 2)]) == (2, 1, 0)


@given(ORDERS)
def test_agreement_is_the_mean_kendall_tau_of_all_pairs(orders):
    pairs = [(one, other) for n, one in enumerate(orders) for other in orders[n + 1 :]]
    found = agreement(orders)
    if not pairs or len(orders[0]) < 2:
        assert found is None
    else:
        assert found == pytest.approx(sum(kendall_tau(*pair) for pair in pairs) / len(pairs))


def test_nothing_agrees_with_nothing():
    assert agreement([]) is None


@given(st.lists(st.integers(1, 50), min_size=1), st.integers(1, 300))
def test_a_window_takes_what_fits_wherever_it_stands_and_two_at_least(costs, room):
    size = window_size(costs, room)
    assert min(2, len(costs)) <= size <= len(costs)
    assert size <= 2 or sum(sorted(costs)[-size:]) <= room
    assert size == len(costs) or sum(sorted(costs)[-size - 1 :]) > room
