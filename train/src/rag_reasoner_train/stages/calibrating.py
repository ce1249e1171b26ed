"""Calibration of an exported judge: fitted on rows that it was not trained on, by the library's own fits."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rag_reasoner.backends.base import DROP_BELOW
from rag_reasoner.errors import InvalidInput
from rag_reasoner.evaluate.fit import FITS, Method, platt_among
from rag_reasoner.metrics import expected_calibration_error
from rag_reasoner.models.calibration import Calibration, Platt, among_of, as_stored, known_together
from rag_reasoner_train.config.settings import ANSWERED, KEPT
from rag_reasoner_train.stages.dev import BINS, Judged, places_of_questions
from rag_reasoner_train.stages.silence import SMALLEST, Silence, silence

Near = Mapping[str, float]
"""By the id of an example: how near its document is to the question by its words, 0..1."""


@dataclass(frozen=True, slots=True)
class Measured:
    """A calibration and what it does. `before` is the ECE of the raw probabilities, `after` that of each half of the
    questions under a fit on the other half. It `rises` unless what is irrelevant was found likelier to be relevant. Of
    what is relevant, all but the wanted share are likelier than `drop_below`, and `dropped` of what is not is below it.
    `silence` tells where the documents do not say.
    """

    calibration: Calibration
    pairs: int
    before: float
    after: float
    drop_below: float
    dropped: float
    silence: Silence

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
        """What a card holds of it."""
        return {
            "calibration": as_stored(self.calibration),
            "drop_below": self.drop_below,
            **self.silence.as_value(),
        }


def measure(
    judged: Sequence[Judged],
    method: Method,
    near: Near | None = None,
    kept: float = KEPT,
    answered: float = ANSWERED,
) -> Measured:
    """Fit on all pairs, and measure on halves; with "platt", where `near` is given, so is what a question's candidates
    tell of each other.

    `kept` is the share of what is relevant that a filter shall keep, `answered` the share of the questions with an
    answer that shall get one. Raises InvalidInput where a half has labels of one kind only.
    """
    near = near if method == "platt" else None
    halves = [[one for one in judged if _half(one) == half] for half in (0, 1)]
    if any(len({one.example.relevant for one in half}) < 2 for half in halves):
        raise InvalidInput(f"{len(judged)} pairs are too few to calibrate on: give more rows")
    mapped: list[float] = []
    labels: list[bool] = []
    for ours, others in (halves, halves[::-1]):
        fitted = _fit(others, method, near)
        mapped += _applied(fitted, ours, near)
        labels += [bool(one.example.relevant) for one in ours]
    raw = _pairs(judged)
    before = expected_calibration_error([p for p, _ in raw], [label for _, label in raw], BINS)
    fitted = _fit(judged, method, near)
    found = _applied(fitted, judged, near)
    alone = [fitted(one.probability) for one in judged]
    least, dropped = _line([(p, bool(one.example.relevant)) for p, one in zip(found, judged, strict=True)], kept)
    after = expected_calibration_error(mapped, labels, BINS)
    return Measured(fitted, len(raw), before, after, least, dropped, silence(judged, alone, found, answered))


def _line(found: Sequence[tuple[float, bool]], kept: float) -> tuple[float, float]:
    """The probability below which at most 1 - `kept` of the relevant ones are, and how many of the others are."""
    relevant = sorted(p for p, label in found if label)
    others = [p for p, label in found if not label]
    least = min(max(relevant[int((1 - kept) * len(relevant))], SMALLEST), DROP_BELOW)
    return least, sum(p < least for p in others) / len(others)


def _fit(judged: Sequence[Judged], method: Method, near: Near | None) -> Calibration:
    if near is None:
        return FITS[method](_pairs(judged))
    shares, questions = [near[one.example.id] for one in judged], [one.example.group for one in judged]
    return platt_among(_pairs(judged), shares, questions)


def _applied(calibration: Calibration, judged: Sequence[Judged], near: Near | None) -> list[float]:
    """P(relevant) of each as a filter finds it, which knows all candidates of its question."""
    alone = [calibration(one.probability) for one in judged]
    if near is None:
        return alone
    shares, among = [near[one.example.id] for one in judged], among_of(calibration)
    found = [
        (place, p)
        for places in places_of_questions(judged)
        for place, p in zip(
            places, known_together([alone[n] for n in places], [shares[n] for n in places], among), strict=True
        )
    ]
    return [p for _, p in sorted(found)]


def _pairs(judged: Sequence[Judged]) -> list[tuple[float, bool]]:
    return [(one.probability, bool(one.example.relevant)) for one in judged]


def _half(one: Judged) -> int:
    return hashlib.sha256(one.example.group.encode()).digest()[0] % 2
