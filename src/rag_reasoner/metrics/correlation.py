"""How far two orders of the same things agree."""

from bisect import bisect_left, insort
from collections.abc import Hashable, Sequence
from typing import TypeVar

from rag_reasoner.errors import InvalidInput

Id = TypeVar("Id", bound=Hashable)


def kendall_tau(one: Sequence[Id], other: Sequence[Id]) -> float:
    """Kendall's tau of two orders: (pairs in the same order - pairs in the opposite order) / pairs (Kendall 1938).

    1 for equal orders, -1 for reversed ones, about 0 for unrelated ones; 1 for fewer than two things, which can stand
    in one order only. Both must hold the same things, each once.
    """
    place = {item: number for number, item in enumerate(other)}
    if len(set(one)) != len(one) or len(place) != len(other) or set(one) != set(place):
        raise InvalidInput(f"give two orders of the same things, each named once; got {len(one)} and {len(other)}")
    pairs = len(one) * (len(one) - 1) // 2
    return 1 - 2 * _inversions([place[item] for item in one]) / pairs if pairs else 1.0


def _inversions(places: Sequence[int]) -> int:
    """The pairs of which the larger stands first."""
    count, seen = 0, list[int]()
    for place in places:
        count += len(seen) - bisect_left(seen, place)
        insort(seen, place)
    return count
