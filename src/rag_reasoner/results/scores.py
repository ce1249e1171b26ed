"""Scores for whoever sorts by them: frameworks do, so a score must say what the order says."""

from rag_reasoner.results.result import Result

_STEP = 1e-9


def monotone_scores(result: Result) -> list[float]:
    """A score in 0..1 for each ranked candidate, strictly falling with the rank.

    It is the probability as far as that agrees with the order; where it does not, it is raised to just above the score
    of the rank below. Without a probability it is 1 / rank.
    """
    scores: list[float] = []
    for judgement in reversed(result.ranked):
        wanted = 1 / judgement.rank if judgement.probability is None else judgement.probability
        scores.append(max(wanted, scores[-1] + _STEP) if scores else wanted)
    highest = max([1.0, *scores])
    return [score / highest for score in reversed(scores)]
