"""Calibration of an exported judge: fitted on rows that it was not trained on, by the library's own fits."""

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from rag_reasoner.errors import InvalidInput
from rag_reasoner.evaluate.fit import FITS, Method
from rag_reasoner.metrics import expected_calibration_error
from rag_reasoner.models.calibration import Calibration, Platt
from rag_reasoner_train.stages.dev import BINS, Judged


@dataclass(frozen=True, slots=True)
class Measured:
    """A calibration and what it does. `before` is the ECE of the raw probabilities, `after` that of each half of the
    questions under a fit on the other half. It `rises` unless what is irrelevant was found likelier to be relevant.
    """

    calibration: Calibration
    pairs: int
    before: float
    after: float

    @property
    def rises(self) -> bool:
        return not isinstance(self.calibration, Platt) or self.calibration.a > 0

    def usable(self) -> "Measured":
        """The same. Raises InvalidInput where it falls: it would turn the order of candidates round."""
        if not self.rises:
            raise InvalidInput(
                f"the judge puts what is irrelevant first (over {self.pairs} pairs P(relevant) falls where the model's "
                "yes is likelier): there is nothing to calibrate; train it, or longer"
            )
        return self

    def as_value(self) -> dict[str, Any]:
        """The calibration as a card holds it."""
        name = "platt" if isinstance(self.calibration, Platt) else "isotonic"
        return {name: asdict(self.calibration)}


def measure(judged: Sequence[Judged], method: Method) -> Measured:
    """Fit on all pairs, and measure on halves. Raises InvalidInput where a half has labels of one kind only."""
    halves = [[one for one in judged if _half(one) == half] for half in (0, 1)]
    if any(len({one.example.relevant for one in half}) < 2 for half in halves):
        raise InvalidInput(f"{len(judged)} pairs are too few to calibrate on: give more rows")
    mapped: list[float] = []
    labels: list[bool] = []
    for ours, others in (halves, halves[::-1]):
        fitted = FITS[method](_pairs(others))
        mapped += [fitted(one.probability) for one in ours]
        labels += [bool(one.example.relevant) for one in ours]
    raw = _pairs(judged)
    fit = FITS[method](raw)
    before = expected_calibration_error([p for p, _ in raw], [label for _, label in raw], BINS)
    return Measured(fit, len(raw), before, expected_calibration_error(mapped, labels, BINS))


def _pairs(judged: Sequence[Judged]) -> list[tuple[float, bool]]:
    return [(one.probability, bool(one.example.relevant)) for one in judged]


def _half(one: Judged) -> int:
    return hashlib.sha256(one.example.group.encode()).digest()[0] % 2
