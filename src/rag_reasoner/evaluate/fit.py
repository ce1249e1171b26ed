"""Fitting P(relevant) to labels: isotonic regression and Platt's sigmoid; and whether there is an answer. Pure."""

import math
from collections import defaultdict
from collections.abc import Callable, Hashable, Mapping, Sequence
from itertools import groupby
from statistics import fmean
from typing import Literal

import numpy as np

from rag_reasoner.errors import InvalidInput
from rag_reasoner.evaluate.likeliest import Floats, likeliest, likeliest_choices
from rag_reasoner.models.among import Among, above
from rag_reasoner.models.answerable import Answerable, features
from rag_reasoner.models.calibration import Calibration, Isotonic, Platt, logit

Method = Literal["isotonic", "platt"]
Pair = tuple[float, bool]
"""What the model said, and whether it is true."""

Pool = Sequence[float]
"""What a calibrated judge made of each candidate of a question, by itself."""


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
    """The likeliest sigmoid(a * logit(p) + b).

    The labels are drawn towards the middle as Platt (1999) has it, so that separable pairs have a fit.
    """
    labels = [label for _, label in _checked(pairs)]
    a, b = _sigmoid([[logit(p) for p, _ in pairs], [1.0] * len(pairs)], labels, 1)
    return Platt(a, b)


def platt_among(pairs: Sequence[Pair], near: Sequence[float], questions: Sequence[Hashable]) -> Platt:
    """The likeliest sigmoid(a * logit(p) + b + what `Among` adds), of those whose a and nearness stand to each other as
    best foretells which candidate of a question is relevant: there they are used.

    `near` (0..1) is each document's nearness by words, `questions` says which question it is a candidate of. `a` is
    below 0 where the model's yes speaks against what is relevant. Raises InvalidInput where no question has candidates
    of both kinds.
    """
    labels = [label for _, label in _checked(pairs)]
    points = np.column_stack([[logit(p) for p, _ in pairs], near])
    members: defaultdict[Hashable, list[int]] = defaultdict(list)
    for place, question in enumerate(questions):
        members[question].append(place)
    typical = float(points[:, 0].mean())
    lifted = np.empty(len(pairs))
    for some in members.values():
        lifted[some] = above(points[some, 0].tolist(), typical)
    choices = [(points[some], np.array(labels)[some]) for some in members.values()]
    if all(chosen.all() or not chosen.any() for _, chosen in choices):
        raise InvalidInput(
            f"none of {len(choices)} questions has relevant candidates and others: what words are worth cannot be told"
        )
    told = likeliest_choices(choices)
    scale, together, constant = _sigmoid([points @ told, lifted, np.ones(len(pairs))], labels, 2)
    a, nearness = (scale * told).tolist()
    return Platt(a, constant, Among(nearness, together / a if a else 0.0, a * typical + constant))


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


def _sigmoid(columns: Sequence[Sequence[float] | Floats], labels: Sequence[bool], constant: int) -> list[float]:
    """The weights of the columns, of which that numbered `constant` is 1 throughout; labels drawn as `platt` has it."""
    true = np.array(labels)
    positives, negatives = int(true.sum()), int((~true).sum())
    targets = np.where(true, (positives + 1) / (positives + 2), 1 / (negatives + 2))
    start = np.zeros(len(columns))
    start[constant] = math.log((positives + 1) / (negatives + 1))
    weights: list[float] = likeliest(np.column_stack(columns), targets, start).tolist()
    return weights


def _checked(pairs: Sequence[Pair]) -> Sequence[Pair]:
    labels = {label for _, label in pairs}
    if len(labels) < 2:
        raise InvalidInput(f"{len(pairs)} pairs, all with one label: relevant and irrelevant ones are needed")
    return pairs
