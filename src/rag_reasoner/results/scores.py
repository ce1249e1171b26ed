"""Scores for whoever sorts by them: frameworks do, so a score must say what the order says."""

from collections.abc import Sequence

from rag_reasoner.results.result import Result

_STEP = 1e-9


def monotone_scores(result: Result) -> list[float]:
    """A score in 0..1 for each ranked candidate, strictly falling with the rank.

    It is the probability as far as that agrees with the order; where it does not, it is raised to just above the score
    of the rank below. Without a probability it is 1 / rank.
    """
    return falling([1 / one.rank if one.probability is None else one.probability for one in result.ranked])


def falling(wanted: Sequence[float]) -> list[float]:
    """The numbers wanted, 0 or more, each raised to just above the next, and all scaled to end at 1 if need be."""
    scores: list[float] = []
    for score in reversed(wanted):
        scores.append(max(score, scores[-1] + _STEP) if scores else score)
    highest = max([1.0, *scores])
    return [score / highest for score in reversed(scores)]
