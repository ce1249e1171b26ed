"""Fitting P(relevant) to labels: isotonic regression and Platt's sigmoid; and whether there is an answer. Pure."""

import math
from collections.abc import Callable, Mapping, Sequence
from itertools import groupby
from statistics import fmean
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from rag_reasoner.errors import InvalidInput
from rag_reasoner.models.answerable import Answerable, features
from rag_reasoner.models.calibration import Calibration, Isotonic, Platt, logit

Method = Literal["isotonic", "platt"]
Floats = NDArray[np.floating]
Pair = tuple[float, bool]
"""What the model said, and whether it is true."""

Pool = Sequence[float]
"""What a calibrated judge made of each candidate of a question, by itself."""

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


def platt(pairs: Sequence[Pair], near: Sequence[float] | None = None) -> Platt:
    """The likeliest sigmoid(a * logit(p) + b), or with `near` (0..1, each document's nearness) + nearness * near.

    The labels are drawn towards the middle as Platt (1999) has it, so that separable pairs have a fit.
    """
    labels = [label for _, label in _checked(pairs)]
    columns = [[logit(p) for p, _ in pairs], [1.0] * len(pairs), *([near] if near is not None else [])]
    return Platt(*_sigmoid(columns, labels, 1))


def answerable(pools: Sequence[tuple[Pool, bool]]) -> Answerable:
    """The likeliest weights, of pools that say what is asked and pools that do not. What it foretells is as likely as
    the share of those that do: give as many of either kind. Raises InvalidInput where there is one kind only, or a pool
    without a candidate.
    """
    labels = [label for _, label in pools]
    if len(set(labels)) < 2:
        raise InvalidInput(f"{len(pools)} pools, all with one label: such as say what is asked and others are needed")
    if not all(pool for pool, _ in pools):
        raise InvalidInput("a pool without a candidate tells nothing: leave it out")
    typical = fmean(logit(p) for pool, _ in pools for p in pool)
    found = [features(pool, typical) for pool, _ in pools]
    best, others, bias = _sigmoid([*zip(*found, strict=True), [1.0] * len(found)], labels, 2)
    return Answerable(best, others, bias, typical)


FITS: Mapping[Method, Callable[[Sequence[Pair]], Calibration]] = {"isotonic": isotonic, "platt": platt}


def _sigmoid(columns: Sequence[Sequence[float]], labels: Sequence[bool], constant: int) -> list[float]:
    """The weights of the columns, of which that numbered `constant` is 1 throughout; labels drawn as `platt` has it."""
    true = np.array(labels)
    positives, negatives = int(true.sum()), int((~true).sum())
    targets = np.where(true, (positives + 1) / (positives + 2), 1 / (negatives + 2))
    start = np.zeros(len(columns))
    start[constant] = math.log((positives + 1) / (negatives + 1))
    weights: list[float] = _likeliest(np.column_stack(columns), targets, start).tolist()
    return weights


def _checked(pairs: Sequence[Pair]) -> Sequence[Pair]:
    labels = {label for _, label in pairs}
    if len(labels) < 2:
        raise InvalidInput(f"{len(pairs)} pairs, all with one label: relevant and irrelevant ones are needed")
    return pairs


def _likeliest(points: Floats, targets: Floats, weights: Floats) -> Floats:
    """The weights of a logistic regression by damped Newton steps, with a touch of ridge where columns are alike."""
    loss = _loss(points @ weights, targets)
    for _ in range(_STEPS):
        step, size = _newton(points, targets, weights), 1.0
        while size > _SMALLEST and _loss(points @ (weights - size * step), targets) > loss:
            size /= 2
        weights = weights - size * step
        before, loss = loss, _loss(points @ weights, targets)
        if before - loss < _SMALLEST:
            break
    return weights


def _newton(points: Floats, targets: Floats, weights: Floats) -> Floats:
    """Hessian^-1 gradient of the loss."""
    p = (1 + np.tanh(points @ weights / 2)) / 2  # a sigmoid that cannot overflow
    hessian = (points * (p * (1 - p))[:, None]).T @ points + 1e-9 * np.eye(points.shape[1])
    step: Floats = np.linalg.solve(hessian, points.T @ (p - targets))
    return step


def _loss(z: Floats, targets: Floats) -> float:
    """The cross entropy, in a form that does not overflow."""
    return float((np.logaddexp(0.0, z) - targets * z).sum())
