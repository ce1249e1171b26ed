"""Sequences that begin alike, as trees: what they have in common is computed once, the rest branches off. Pure.

Prompts of one task share its instructions, questions about one document share that document, the replies to one prompt
share the prompt. Trees stand one after another in a single row without padding: `position`s start anew in each, and a
token attends to what stands before it in its own branch and in the branches that this one grows from, so that the
numbers are those of separate sequences.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

Ids = tuple[int, ...]

WORTH = 16
"""So many tokens in common, or a whole sequence, are worth a branch: each is one more piece of work for attention."""


@dataclass(frozen=True, slots=True)
class Span:
    """The places `start` to `stop` of the row; they attend to each other and to the spans numbered `trunks`."""

    start: int
    stop: int
    trunks: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Grove:
    """Trees in one row. `places[i][j]` is where token j of sequence i stands in it."""

    ids: Ids
    positions: tuple[int, ...]
    spans: tuple[Span, ...]
    places: tuple[tuple[int, ...], ...]


def grow(sequences: Sequence[Ids], worth: int = WORTH) -> Grove:
    """The sequences in one row; what at least `worth` tokens of them have in common stands there once."""
    growth = _Growth(sequences, worth)
    growth.branch(range(len(sequences)), 0, (), ())
    return growth.grove()


def distinct(sequences: Sequence[Ids]) -> int:
    """How many tokens the sequences take when they are computed together."""
    return len(grow(sequences).ids)


class _Growth:
    """A row that is being written, branch after branch."""

    def __init__(self, sequences: Sequence[Ids], worth: int) -> None:
        self._sequences, self._worth = sequences, worth
        self._ids: list[int] = []
        self._positions: list[int] = []
        self._spans: list[Span] = []
        self._places: dict[int, tuple[int, ...]] = {}

    def branch(self, members: Sequence[int], depth: int, trunks: tuple[int, ...], behind: tuple[int, ...]) -> None:
        """Write what `members` say from `depth` on; `behind` are the places of what they have said before."""
        for kin in self._kin(members, depth):
            ahead = [self._sequences[member][depth:] for member in kin]
            shared = _common(ahead)
            places = behind + self._written(ahead[0][:shared], depth, trunks)
            if len(kin) > 1 and any(len(one) > shared for one in ahead):
                grown = (*trunks, len(self._spans) - 1) if shared else trunks
                self.branch(kin, depth + shared, grown, places)
            else:
                self._places |= dict.fromkeys(kin, places)

    def grove(self) -> Grove:
        places = tuple(self._places[member] for member in range(len(self._sequences)))
        return Grove(tuple(self._ids), tuple(self._positions), tuple(self._spans), places)

    def _kin(self, members: Sequence[int], depth: int) -> Iterator[list[int]]:
        """The members by what they say next, as far as it must be the same to be worth a branch."""
        kin: defaultdict[Ids, list[int]] = defaultdict(list)
        for member in members:
            kin[self._sequences[member][depth : depth + self._worth]].append(member)
        yield from kin.values()

    def _written(self, tokens: Ids, depth: int, trunks: tuple[int, ...]) -> tuple[int, ...]:
        start = len(self._ids)
        self._ids += tokens
        self._positions += range(depth, depth + len(tokens))
        if tokens:
            self._spans.append(Span(start, len(self._ids), trunks))
        return tuple(range(start, len(self._ids)))


def _common(sequences: Sequence[Ids]) -> int:
    """How many tokens all of them share at their beginning."""
    least, most = min(sequences), max(sequences)  # in the order of words, these two differ first
    for place, (one, other) in enumerate(zip(least, most, strict=False)):
        if one != other:
            return place
    return min(len(least), len(most))
