"""Whether one system is better than another, or was lucky with the questions."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from random import Random

from rag_reasoner.errors import InvalidInput
from rag_reasoner.metrics.averages import mean


@dataclass(frozen=True, slots=True)
class Comparison:
    """`difference` is `mean_b - mean_a` over `n` queries; `low` and `high` bound it, `p` is two-sided."""

    n: int
    mean_a: float
    mean_b: float
    difference: float
    low: float
    high: float
    p: float


def paired_bootstrap(
    a: Mapping[str, float],
    b: Mapping[str, float],
    *,
    samples: int = 10_000,
    confidence: float = 0.95,
    seed: int = 0,
) -> Comparison:
    """Compare two systems by their figures for the same queries; the same arguments give the same result.

    Queries are drawn with replacement, `samples` times. The interval is the percentile interval of the resampled mean
    differences; p is the share of them that, moved to a mean of 0, lie as far from 0 as the difference found, and is
    never 0: (1 + count) / (1 + samples) (Efron and Tibshirani 1993, chapters 13 and 16; Sakai, SIGIR 2006).
    """
    _check(a, b, samples, confidence)
    queries = sorted(a)
    differences = [b[query] - a[query] for query in queries]
    found = mean(differences)
    random = Random(seed)
    drawn = sorted(mean(random.choices(differences, k=len(differences))) for _ in range(samples))
    extreme = sum(abs(one - found) >= abs(found) - 1e-12 for one in drawn)  # equal up to rounding is as extreme
    tail = (1 - confidence) / 2
    return Comparison(
        n=len(queries),
        mean_a=mean(a.values()),
        mean_b=mean(b.values()),
        difference=found,
        low=_quantile(drawn, tail),
        high=_quantile(drawn, 1 - tail),
        p=(1 + extreme) / (1 + samples),
    )


def _check(a: Mapping[str, float], b: Mapping[str, float], samples: int, confidence: float) -> None:
    if unpaired := a.keys() ^ b.keys():
        raise InvalidInput(f"{len(unpaired)} queries have no figure in one of the two runs, {min(unpaired)!r} for one")
    if samples < 1 or not 0 < confidence < 1:
        raise InvalidInput(f"samples is {samples} and confidence {confidence}: use 1 or more, and a share below 1")


def _quantile(ordered: list[float], share: float) -> float:
    """The value below which that share of `ordered` lies, interpolated between neighbours."""
    place = share * (len(ordered) - 1)
    lower = math.floor(place)
    upper = min(lower + 1, len(ordered) - 1)
    return ordered[lower] + (place - lower) * (ordered[upper] - ordered[lower])
