"""How likely it is that any of a question's candidates says what is asked, from what was made of each. Pure.

A likely best candidate tells less where all others are likely too: documents about the question's subject that do not
say what is asked look like that to a small judge. So the best is held against the rest.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rag_reasoner.errors import InvalidInput
from rag_reasoner.models.calibration import logit

SHARE = 4
"""Where there are few candidates to hold the best against, `typical` counts as this many more."""

LIKELY = 0.5
"""A candidate that is likelier than not to be relevant is not one of the rest."""


@dataclass(frozen=True, slots=True)
class Answerable:
    """sigmoid(best * B + rest * R + bias): B is the greatest log-odds that the calibrated judge gave a candidate, R the
    mean log-odds of those that are not likely relevant themselves and of `SHARE` `typical` ones.
    """

    best: float
    rest: float
    bias: float
    typical: float

    def __call__(self, judged: Sequence[tuple[float, float]]) -> float:
        """Of each candidate (at least one): the calibrated judge's probability by itself, and P(relevant)."""
        points = (*features(judged, self.typical), 1.0)
        z = sum(weight * point for weight, point in zip((self.best, self.rest, self.bias), points, strict=True))
        return (1 + math.tanh(z / 2)) / 2  # a sigmoid that cannot overflow


def features(judged: Sequence[tuple[float, float]], typical: float) -> tuple[float, float]:
    """B and R of `Answerable`."""
    rest = [logit(alone) for alone, relevant in judged if relevant < LIKELY]
    return max(logit(alone) for alone, _ in judged), (sum(rest) + SHARE * typical) / (len(rest) + SHARE)


def read_answerable(stored: Mapping[str, Any] | None) -> Answerable | None:
    """What a card holds as `{"best", "rest", "bias", "typical"}`. Raises InvalidInput where it is something else."""
    match stored:
        case None:
            return None
        case {
            "best": float() | int() as best,
            "rest": float() | int() as rest,
            "bias": float() | int() as bias,
            "typical": float() | int() as typical,
        }:
            return Answerable(float(best), float(rest), float(bias), float(typical))
    raise InvalidInput(f"answerable={stored!r}: best, rest, bias and typical are needed, each a number")
