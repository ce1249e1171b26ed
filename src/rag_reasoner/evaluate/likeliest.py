"""The likeliest weights of a logistic regression, and of choices among a few: damped Newton steps. Pure."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]
Choice = tuple[Floats, NDArray[np.bool_]]
"""What is known of each thing that could be chosen, (things, weights), and which were."""

_STEPS, _SMALLEST = 100, 1e-10
_RIDGE = 1e-3
"""Keeps the weights of choices finite where they foretell every one."""


def likeliest(points: Floats, targets: Floats, weights: Floats) -> Floats:
    """The weights of a logistic regression, from `weights` on, with a touch of ridge where columns are alike."""

    def loss(weights: Floats) -> float:
        """The cross entropy, in a form that does not overflow."""
        z = points @ weights
        return float((np.logaddexp(0.0, z) - targets * z).sum())

    def step(weights: Floats) -> Floats:
        p = (1 + np.tanh(points @ weights / 2)) / 2  # a sigmoid that cannot overflow
        hessian = (points * (p * (1 - p))[:, None]).T @ points + 1e-9 * np.eye(points.shape[1])
        found: Floats = np.linalg.solve(hessian, points.T @ (p - targets))
        return found

    return _least(loss, step, weights)


def likeliest_choices(choices: Sequence[Choice]) -> Floats:
    """The weights of a conditional logit (McFadden 1974): a thing is chosen in proportion to exp(what is known of it @
    weights). Where several were chosen they share one choice; choices of all or none tell nothing.
    """
    telling = [(points, chosen / chosen.sum()) for points, chosen in choices if 0 < chosen.sum() < len(chosen)]

    def loss(weights: Floats) -> float:
        return float(
            sum(_missed(points @ weights, share) for points, share in telling) + _RIDGE / 2 * weights @ weights
        )

    def step(weights: Floats) -> Floats:
        gradient, hessian = _RIDGE * weights, _RIDGE * np.eye(len(weights))
        for points, share in telling:
            p = _softmax(points @ weights)
            mean = p @ points
            gradient = gradient + points.T @ (p - share)
            hessian = hessian + (points.T * p) @ points - np.outer(mean, mean)
        found: Floats = np.linalg.solve(hessian, gradient)
        return found

    return _least(loss, step, np.zeros(choices[0][0].shape[1]))


def _least(loss: Callable[[Floats], float], step: Callable[[Floats], Floats], weights: Floats) -> Floats:
    """The weights where `loss` is least; each of the steps towards it is halved until it gains."""
    now = loss(weights)
    for _ in range(_STEPS):
        whole, size = step(weights), 1.0
        while size > _SMALLEST and loss(weights - size * whole) > now:
            size /= 2
        weights = weights - size * whole
        before, now = now, loss(weights)
        if before - now < _SMALLEST:
            break
    return weights


def _missed(z: Floats, share: Floats) -> float:
    """The cross entropy of a choice."""
    return float(np.logaddexp.reduce(z) - share @ z)


def _softmax(z: Floats) -> Floats:
    raised = np.exp(z - z.max())
    share: Floats = raised / raised.sum()
    return share
