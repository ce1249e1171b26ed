"""Long lists in overlapping windows, the last first, so that the best can travel to the front."""

from collections.abc import Iterator, Sequence


def windows(count: int, size: int) -> Iterator[range]:
    """Overlapping slices of range(count), last first, each of at most `size` >= 1 places.

    Together they cover everything; each overlaps the next by half; the last one yielded starts at 0.
    """
    step = max(size // 2, 1)
    end = count
    while end > size:
        yield range(end - size, end)
        end -= step
    if count:
        yield range(0, min(end, count))


def window_size(costs: Sequence[int], room: int) -> int:
    """The most documents that fit into `room` tokens wherever the window stands; at least 2: one has no order."""
    total = 0
    for number, cost in enumerate(sorted(costs, reverse=True), 1):
        total += cost
        if total > room:
            return min(max(number - 1, 2), len(costs))
    return len(costs)
