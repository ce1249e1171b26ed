"""The most probable of several token sequences, found exactly with as few looks at the model as needed."""

import heapq
from collections.abc import Callable, Sequence

Ids = tuple[int, ...]
LogProbabilities = Callable[[Ids, Sequence[int]], Sequence[float]]
"""The log-probabilities of the given tokens after a beginning."""


def best(options: Sequence[Ids], after: LogProbabilities) -> int:
    """The place of the most probable option; the first among equals.

    An option is scored up to the token that tells it from all others: what follows is given. Probabilities only fall
    along a sequence; so the most probable beginning is always followed first, and the first option reached is the best.
    """
    heap: list[tuple[float, tuple[int, ...], int]] = [(0.0, tuple(range(len(options))), 0)]
    while True:
        cost, left, length = heapq.heappop(heap)
        if len(left) == 1 or any(len(options[place]) == length for place in left):
            return min(left, key=lambda place: len(options[place]))
        groups = _by_next(options, left, length)
        alone = len(groups) == 1 and not heap
        scores = (0.0,) if alone else after(options[left[0]][:length], list(groups))
        for score, group in zip(scores, groups.values(), strict=True):
            heapq.heappush(heap, (cost - score, group, length + 1))


def _by_next(options: Sequence[Ids], left: Sequence[int], length: int) -> dict[int, tuple[int, ...]]:
    groups: dict[int, tuple[int, ...]] = {}
    for place in left:
        token = options[place][length]
        groups[token] = (*groups.get(token, ()), place)
    return groups
