"""Order consensus: several orders of the same documents become one, with how well they agree.

Permutation self-consistency (Tang et al., arXiv 2310.07712) shuffles what the model is shown and combines what it says;
here by Borda counts, the mean place. Agreement is the mean Kendall tau of all pairs, -1..1.
"""

from collections.abc import Sequence
from itertools import combinations
from random import Random


def shuffles(count: int, number: int, seed: int) -> list[tuple[int, ...]]:
    """`number` orders of range(count) in which to show documents; the first is the given order.

    Every second one is the one before it, turned round: a model's lean to either end of the list then cancels out.
    """
    random = Random(f"{seed}/{count}")
    orders = [tuple(range(count))]
    while len(orders) < number:
        last = orders[-1]
        orders.append(last[::-1] if len(orders) % 2 else tuple(random.sample(last, count)))
    return orders


def borda(orders: Sequence[Sequence[int]]) -> tuple[int, ...]:
    """The order by mean place; ties go to the place in the first order."""
    places: dict[int, int] = dict.fromkeys(orders[0], 0)
    for order in orders:
        for place, item in enumerate(order):
            places[item] += place
    return tuple(sorted(orders[0], key=places.__getitem__))


def agreement(orders: Sequence[Sequence[int]]) -> float | None:
    """The mean Kendall tau between all pairs of orders; None where there is no pair of them, or nothing to order."""
    pairs = list(combinations(orders, 2))
    if not pairs or len(orders[0]) < 2:
        return None
    return sum(_kendall_tau(*pair) for pair in pairs) / len(pairs)


def _kendall_tau(one: Sequence[int], other: Sequence[int]) -> float:
    place = {item: rank for rank, item in enumerate(other)}
    pairs = list(combinations(one, 2))
    return sum(1 if place[first] < place[second] else -1 for first, second in pairs) / len(pairs)
