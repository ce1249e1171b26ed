"""How likely it is that any of a question's candidates says what is asked, from what a judge made of each. Pure.

A likely best candidate tells less where the others are likely too: documents about the question's subject that do not
say what is asked look like that to a small judge. So the best is held against the others.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rag_reasoner.errors import InvalidInput
from rag_reasoner.models.among import above
from rag_reasoner.models.calibration import logit
from rag_reasoner.models.numbers import is_number

LIKELY = 0.5
"""A document that the judge by itself finds likelier than not says what is asked, however likely the others are."""


@dataclass(frozen=True, slots=True)
class Answerable:
    """sigmoid(best * B + others * O + bias). B: the greatest log-odds that the calibrated judge gave a candidate. O:
    the mean log-odds of the others and of imagined ones, which are `typical` (`rag_reasoner.models.among`).
    """

    best: float
    others: float
    bias: float
    typical: float

    def __call__(self, probabilities: Sequence[float]) -> float:
        """Of what the calibrated judge made of each candidate by itself, at least one."""
        points = (*features(probabilities, self.typical), 1.0)
        z = sum(weight * point for weight, point in zip((self.best, self.others, self.bias), points, strict=True))
        return (1 + math.tanh(z / 2)) / 2  # a sigmoid that cannot overflow


def says_it(answerable: Answerable, probabilities: Sequence[float]) -> float:
    """How likely it is that any candidate says what is asked, of what the calibrated judge made of each by itself."""
    best = max(probabilities)
    return best if best >= LIKELY else answerable(probabilities)


def features(probabilities: Sequence[float], typical: float) -> tuple[float, float]:
    """B and O of `Answerable`."""
    *others, best = sorted(map(logit, probabilities))
    return best, typical + above(others, typical)


def read_answerable(stored: Any) -> Answerable | None:
    """What a card holds as `{"best", "others", "bias", "typical"}`. Raises InvalidInput where it is something else."""
    if stored is None:
        return None
    names = ("best", "others", "bias", "typical")
    values: list[Any] = [stored.get(name) for name in names] if isinstance(stored, Mapping) else []
    numbers = [float(value) for value in values if is_number(value)]
    if len(numbers) < len(names):
        raise InvalidInput(f"answerable={stored!r}: {', '.join(names)} are needed, each a number")
    return Answerable(*numbers)
