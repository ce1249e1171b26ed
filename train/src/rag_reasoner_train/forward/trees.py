"""Sequences that begin alike, as trees: their common beginning is computed once, the rest branches off. Pure.

Prompts of one task share its instructions, the replies to one prompt share the prompt. Trees stand
one after another in a single row without padding: `position`s start anew in each, and a token attends to what stands
before it in its own branch and to the beginning of its own tree, so that the numbers are those of separate sequences.
"""

from collections import defaultdict
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass

Ids = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Span:
    """The places `start` to `stop` of the row; they attend to each other and to `trunk` to `trunk_stop`."""

    start: int
    stop: int
    trunk: int = 0
    trunk_stop: int = 0


@dataclass(frozen=True, slots=True)
class Grove:
    """Trees in one row. `places[i][j]` is where token j of sequence i stands in it."""

    ids: Ids
    positions: tuple[int, ...]
    spans: tuple[Span, ...]
    places: tuple[tuple[int, ...], ...]


def grow(sequences: Sequence[Ids], kin: Sequence[Hashable]) -> Grove:
    """The sequences in one row; those of one `kin` share their beginning as far as it is common to all of them."""
    ids: list[int] = []
    positions: list[int] = []
    spans: list[Span] = []
    places: dict[int, tuple[int, ...]] = {}
    for members in _groups(kin):
        trunk = _common([sequences[member] for member in members])
        root = len(ids)
        shared = sequences[members[0]][:trunk]
        _append(shared, 0, Span(root, root + trunk), ids, positions, spans)
        for member in members:
            start = len(ids)
            branch = sequences[member][trunk:]
            span = Span(start, start + len(branch), root, root + trunk)
            _append(branch, trunk, span, ids, positions, spans)
            places[member] = (*range(root, root + trunk), *range(span.start, span.stop))
    return Grove(tuple(ids), tuple(positions), tuple(spans), tuple(places[one] for one in range(len(sequences))))


def _append(tokens: Ids, position: int, span: Span, ids: list[int], positions: list[int], spans: list[Span]) -> None:
    ids += tokens
    positions += range(position, position + len(tokens))
    if tokens:
        spans.append(span)


def _groups(kin: Sequence[Hashable]) -> Iterator[list[int]]:
    members: defaultdict[Hashable, list[int]] = defaultdict(list)
    for place, one in enumerate(kin):
        members[one].append(place)
    yield from members.values()


def _common(sequences: Sequence[Ids]) -> int:
    """How many tokens all of them share at their beginning: none of a sequence that stands alone."""
    if len(sequences) == 1:
        return 0
    least, most = min(sequences), max(sequences)  # in the order of words, these two differ first
    for place, (one, other) in enumerate(zip(least, most, strict=False)):
        if one != other:
            return place
    return min(len(least), len(most))
