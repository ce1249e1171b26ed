"""Fitting P(relevant) to labels: isotonic regression and Platt's sigmoid. Pure."""

import math
from collections.abc import Callable, Mapping, Sequence
from itertools import groupby
from typing import Literal

from rag_reasoner.errors import InvalidInput
from rag_reasoner.models.calibration import Calibration, Isotonic, Platt, logit

Method = Literal["isotonic", "platt"]
Pair = tuple[float, bool]
"""What the model said, and whether it is true."""

_STEPS, _SMALLEST = 100, 1e-10


def isotonic(pairs: Sequence[Pair]) -> Isotonic:
    """The ascending function with the least squared error, by pooling adjacent violators (Ayer et al. 1955).

    Flat over each pool, straight lines between pools.
    """
    pools: list[tuple[float, float, float, int]] = []  # first x, last x, sum of labels, count
    for x, tied in groupby(sorted(_checked(pairs)), key=lambda pair: pair[0]):
        labels = [label for _, label in tied]
        pools.append((x, x, float(sum(labels)), len(labels)))
        while len(pools) > 1 and pools[-2][2] * pools[-1][3] >= pools[-1][2] * pools[-2][3]:
            right, left = pools.pop(), pools.pop()
            pools.append((left[0], right[1], left[2] + right[2], left[3] + right[3]))
    points = [(x, total / count) for first, last, total, count in pools for x in dict.fromkeys((first, last))]
    return Isotonic(tuple(x for x, _ in points), tuple(y for _, y in points))


def platt(pairs: Sequence[Pair]) -> Platt:
    """The likeliest sigmoid(a * logit(p) + b), by damped Newton steps.

    The labels are drawn towards the middle as Platt (1999) has it, so that separable pairs have a fit.
    """
    positives = sum(label for _, label in _checked(pairs))
    high, low = (positives + 1) / (positives + 2), 1 / (len(pairs) - positives + 2)
    points = [(logit(p), high if label else low) for p, label in pairs]
    a, b = 0.0, math.log((positives + 1) / (len(pairs) - positives + 1))
    loss = _loss(points, a, b)
    for _ in range(_STEPS):
        step_a, step_b = _newton(points, a, b)
        size = 1.0
        while size > _SMALLEST and _loss(points, a - size * step_a, b - size * step_b) > loss:
            size /= 2
        a, b = a - size * step_a, b - size * step_b
        before, loss = loss, _loss(points, a, b)
        if before - loss < _SMALLEST:
            break
    return Platt(a, b)


FITS: Mapping[Method, Callable[[Sequence[Pair]], Calibration]] = {"isotonic": isotonic, "platt": platt}


def _checked(pairs: Sequence[Pair]) -> Sequence[Pair]:
    labels = {label for _, label in pairs}
    if len(labels) < 2:
        raise InvalidInput(f"{len(pairs)} pairs, all with one label: relevant and irrelevant ones are needed")
    return pairs


def _newton(points: Sequence[tuple[float, float]], a: float, b: float) -> tuple[float, float]:
    """Hessian^-1 gradient of the loss, with a touch of ridge where the points do not tell a from b."""
    gradient_a = gradient_b = square = cross = plain = 0.0
    for x, target in points:
        p = _sigmoid(a * x + b)
        weight = p * (1 - p)
        gradient_a += (p - target) * x
        gradient_b += p - target
        square += weight * x * x
        cross += weight * x
        plain += weight
    square, plain = square + 1e-9, plain + 1e-9
    determinant = square * plain - cross * cross
    return (
        (plain * gradient_a - cross * gradient_b) / determinant,
        (square * gradient_b - cross * gradient_a) / determinant,
    )


def _loss(points: Sequence[tuple[float, float]], a: float, b: float) -> float:
    """The cross entropy, in a form that does not overflow."""
    return math.fsum(
        max(z, 0.0) - target * z + math.log1p(math.exp(-abs(z)))
        for z, target in ((a * x + b, target) for x, target in points)
    )


def _sigmoid(z: float) -> float:
    return 1 / (1 + math.exp(-z)) if z >= 0 else math.exp(z) / (1 + math.exp(z))
