"""From a model's raw P(yes) to a probability that means what it says. Fitted elsewhere, applied here. Pure."""

import math
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

from rag_reasoner.errors import InvalidInput
from rag_reasoner.models.among import NOTHING, Among, read_among
from rag_reasoner.models.numbers import is_number

_LEAST = 1e-6


@dataclass(frozen=True, slots=True)
class Platt:
    """sigmoid(a * logit(p) + b). (Platt 1999; on the logit, so that a=1, b=0 changes nothing.)

    `among` was fitted with both: what a question's candidates tell of each other. Who knows them adds it, by
    `known_together`.
    """

    a: float
    b: float
    among: Among = NOTHING

    def __call__(self, probability: float) -> float:
        return (1 + math.tanh((self.a * logit(probability) + self.b) / 2)) / 2  # a sigmoid that cannot overflow


@dataclass(frozen=True, slots=True)
class Isotonic:
    """The straight lines through the points (x, y), both ascending; flat beyond the ends."""

    x: tuple[float, ...]
    y: tuple[float, ...]

    def __post_init__(self) -> None:
        if not self.x or len(self.x) != len(self.y) or not (_ascends(self.x) and _ascends(self.y)):
            raise InvalidInput("isotonic calibration needs as many y as x, at least one, both ascending")

    def __call__(self, probability: float) -> float:
        after = bisect_right(self.x, probability)
        if after in (0, len(self.x)):
            return self.y[0 if after == 0 else -1]
        left, right = self.x[after - 1], self.x[after]
        share = (probability - left) / (right - left)
        return self.y[after - 1] + share * (self.y[after] - self.y[after - 1])


Calibration = Platt | Isotonic


def read_calibration(stored: Mapping[str, Any] | None) -> Calibration | None:
    """The calibration that a card holds as `{"platt": {"a", "b", ...}}` or `{"isotonic": {"x", "y"}}`."""
    match stored:
        case None:
            return None
        case {"platt": {"a": float() | int() as a, "b": float() | int() as b, **more}}:
            _see_numbers(a=a, b=b)
            return Platt(float(a), float(b), read_among({str(name): value for name, value in more.items()}))
        case {"isotonic": {"x": [*x], "y": [*y]}}:
            return Isotonic(tuple(map(float, x)), tuple(map(float, y)))
    raise InvalidInput(f"unknown calibration {sorted(stored)}: a card holds platt (a, b) or isotonic (x, y)")


def _see_numbers(**values: Any) -> None:
    for name, value in values.items():
        if not is_number(value):
            raise InvalidInput(f"unknown calibration: {name}={value!r} is no number")


def as_stored(calibration: Calibration) -> dict[str, Any]:
    """What `read_calibration` reads."""
    match calibration:
        case Platt(a, b, among):
            return {"platt": {"a": a, "b": b, **asdict(among)}}
        case Isotonic(x, y):
            return {"isotonic": {"x": x, "y": y}}


def among_of(calibration: Calibration | None) -> Among:
    """What a question's candidates tell of each other, to be added to what comes out of `calibration`."""
    return calibration.among if isinstance(calibration, Platt) else NOTHING


def known_together(alone: Sequence[float], near: Sequence[float], among: Among) -> list[float]:
    """P(relevant) of all candidates of a question that were judged, from what the calibrated judge made of each by
    itself and from how near each is by its words.
    """
    added = among.added(near, [logit(one) for one in alone])
    return [raised(one, more) for one, more in zip(alone, added, strict=True)]


def raised(probability: float, by: float) -> float:
    """`probability` with `by` added to its log-odds."""
    return Platt(1.0, by)(probability) if by else probability


def logit(probability: float) -> float:
    """log(p / (1 - p)), of a p that is kept a little away from 0 and 1."""
    kept = min(max(probability, _LEAST), 1 - _LEAST)
    return math.log(kept / (1 - kept))


def _ascends(values: Sequence[float]) -> bool:
    return all(left <= right for left, right in pairwise(values))
