"""What the coarse filter keeps: all, the best N, those above a probability, or as many as it seems wise to keep."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import fmean
from typing import Literal

from rag_reasoner.backends.base import Card
from rag_reasoner.errors import InvalidInput
from rag_reasoner.stages.votes import with_a_vote
from rag_reasoner.types import Candidate
from rag_reasoner.words import overlap

Keep = Literal["auto", "all"] | int | float

RELEVANCE = "relevance"
"""The name under which P(relevant) stands among a candidate's scores."""

AUTO_SHARE = 3
"""With "auto", one candidate in this many is kept by a judge whose numbers are no probabilities."""


def checked(keep: object) -> Keep:
    """`keep` if it is one of "auto", "all", a number of candidates >= 1, or a probability 0 < p < 1."""
    if keep in ("auto", "all"):
        return keep
    if isinstance(keep, int) and not isinstance(keep, bool) and keep >= 1:
        return keep
    if isinstance(keep, float) and 0 < keep < 1:
        return keep
    raise InvalidInput(
        f"keep={keep!r}: give 'auto', 'all', a number of candidates from 1 up, or a probability between 0 and 1"
    )


def parse_keep(text: str) -> Keep:
    """The value of `--keep`: auto, all, N or 0.x."""
    try:
        return checked(text if text in ("auto", "all") else float(text) if "." in text else int(text))
    except ValueError as error:
        raise InvalidInput(f"--keep {text}: give auto, all, a number like 7 or a probability like 0.2") from error


@dataclass(frozen=True, slots=True)
class Kept:
    """How many candidates of the coarse order stay, and why the others go."""

    number: int
    reason: str


def how_many(keep: Keep, judged: Sequence[Candidate], fewest: int, card: Card) -> Kept:
    """Of those judged, best first: how many to keep; never fewer than `fewest`."""
    if keep == "all":
        return Kept(len(judged), "")
    if isinstance(keep, int):
        return Kept(max(keep, fewest), f"not among the best {max(keep, fewest)}")
    if keep == "auto" and (card.scores_only or not card.trained):
        number = max(fewest, -(-len(judged) // AUTO_SHARE))
        by = f"the scores of {card.name}" if card.trained else "the untrained judge and shared words"
        return Kept(number, f"not among the best {number} by {by}")
    least = card.drop_below if keep == "auto" else keep
    number = sum(1 for candidate in judged if (probability(candidate) or 0.0) >= least)
    return Kept(max(number, fewest), f"P(relevant) below {least:.2g}")


def probability(candidate: Candidate) -> float | None:
    """P(relevant) as the filter left it; None where nothing judged the candidate."""
    return candidate.scores.get(RELEVANCE)


def not_yet_judged(candidate: Candidate) -> Candidate:
    """`candidate` as it came in. A score that came under the filter's name is someone else's, and is renamed so."""
    scores = {f"given {name}" if name == RELEVANCE else name: score for name, score in candidate.scores.items()}
    return replace(candidate, scores=scores) if RELEVANCE in candidate.scores else candidate


def coarse_order(query: str, candidates: Sequence[Candidate], card: Card) -> list[Candidate]:
    """Best first. One that could not be judged counts as average: nothing is known for it or against it.

    A trained judge's probabilities decide. An untrained judge only has a vote, beside the retrieval's own order or,
    where there is none, the words that a document shares with the query.
    """
    judged = [p for candidate in candidates if (p := probability(candidate)) is not None]
    if not judged:
        return list(candidates)
    average = fmean(judged)

    def chance(candidate: Candidate) -> float:
        found = probability(candidate)
        return average if found is None else found

    by_judge = sorted(candidates, key=lambda candidate: (-chance(candidate), candidate.position))
    return by_judge if card.trained else with_a_vote(_by_retrieval(query, candidates), by_judge)


def _by_retrieval(query: str, candidates: Sequence[Candidate]) -> list[Candidate]:
    if all(candidate.scores.keys() - {RELEVANCE} for candidate in candidates):
        return sorted(candidates, key=lambda candidate: candidate.position)
    return sorted(candidates, key=lambda candidate: (-_shared(query, candidate), candidate.position))


def _shared(query: str, candidate: Candidate) -> float:
    return overlap(query, f"{candidate.document.title} {candidate.document.text}")
