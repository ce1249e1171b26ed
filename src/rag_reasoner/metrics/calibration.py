"""Whether probabilities mean what they say: of the documents judged relevant with 0.7, seven in ten should be."""

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

from rag_reasoner.errors import InvalidInput


@dataclass(frozen=True, slots=True)
class Bin:
    """The predictions above `low` and up to `high`: their mean probability and the share of them that is true.

    Both means are None in an empty bin.
    """

    low: float
    high: float
    count: int
    confidence: float | None
    frequency: float | None

    @property
    def gap(self) -> float:
        """How far the mean probability lies from the share that is true; 0 in an empty bin."""
        return 0.0 if self.confidence is None or self.frequency is None else abs(self.confidence - self.frequency)


def reliability(probabilities: Sequence[float], labels: Sequence[bool], bins: int = 10) -> list[Bin]:
    """The predictions in `bins` bins of equal width, ((m-1)/M, m/M], the first of which holds 0 too."""
    _check(probabilities, labels, bins)
    edges = [(number + 1) / bins for number in range(bins)]
    members: list[list[tuple[float, bool]]] = [[] for _ in edges]
    for probability, label in zip(probabilities, labels, strict=True):
        members[bisect_left(edges, probability)].append((probability, bool(label)))
    return [_bin(number / bins, edge, members[number]) for number, edge in enumerate(edges)]


def expected_calibration_error(probabilities: Sequence[float], labels: Sequence[bool], bins: int = 10) -> float:
    """ECE = sum_m n_m / n |frequency_m - confidence_m| over bins of equal width. In 0..1; 0 is calibrated.

    Of the probability of "relevant", not of the likelier class (Naeini et al., AAAI 2015; the bins as in Guo et al.,
    ICML 2017). It depends on `bins`: state them with the figure.
    """
    return math.fsum(one.count * one.gap for one in reliability(probabilities, labels, bins)) / len(probabilities)


def _check(probabilities: Sequence[float], labels: Sequence[bool], bins: int) -> None:
    if bins < 1:
        raise InvalidInput(f"bins is {bins}: use 1 or more")
    if len(probabilities) != len(labels):
        raise InvalidInput(f"{len(probabilities)} probabilities but {len(labels)} labels: give one for each")
    if not probabilities:
        raise InvalidInput("there is no prediction whose calibration could be measured")
    if wrong := [one for one in probabilities if not 0 <= one <= 1]:
        raise InvalidInput(f"{wrong[0]} is not a probability: calibrate scores before measuring them")


def _bin(low: float, high: float, members: Sequence[tuple[float, bool]]) -> Bin:
    count = len(members)
    if not count:
        return Bin(low, high, 0, None, None)
    confidence = math.fsum(probability for probability, _ in members) / count
    return Bin(low, high, count, confidence, sum(label for _, label in members) / count)
