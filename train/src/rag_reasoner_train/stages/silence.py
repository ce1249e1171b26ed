"""Where the documents do not say: how likely it must be, of a question's candidates, that one of them does."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from rag_reasoner.evaluate.fit import Pool, answerable
from rag_reasoner.models.answerable import Answerable, says_it
from rag_reasoner_train.stages.dev import Judged, places_of_questions

SMALLEST, HIGHEST = 1e-6, 0.5
"""A line is a probability above 0. What is likelier than not is never below it."""


@dataclass(frozen=True, slots=True)
class Silence:
    """Of the questions that have an answer, all but the wanted share are as likely to have one as `abstain_below`: by
    `answerable` or, where that could not be fitted or would not hold the best against the others, by their likeliest
    candidate. `noticed`: of the same questions without their relevant candidates, where they have others, the share
    that is below it; None where `answerable` is.
    """

    answerable: Answerable | None
    abstain_below: float
    noticed: float | None

    def as_value(self) -> dict[str, Any]:
        """What a card holds of it."""
        fitted = {"answerable": asdict(self.answerable)} if self.answerable else {}
        return {**fitted, "abstain_below": self.abstain_below}


def silence(judged: Sequence[Judged], alone: Sequence[float], relevant: Sequence[float], answered: float) -> Silence:
    """Of all candidates judged: the calibrated probability by itself, and P(relevant).

    Fitted on the questions that have a relevant candidate, as they are and without it. `answered` is the share of them
    that shall get an answer.
    """
    said = _questions_with_an_answer(judged)
    full = [[alone[n] for n in places] for places in said]
    bare = [[alone[n] for n in places if not judged[n].example.relevant] for places in said]
    both = [(pool, left) for pool, left in zip(full, bare, strict=True) if left]
    fitted = _fitted(both)
    if fitted is None:
        return Silence(None, _line([max(relevant[n] for n in places) for places in said], answered), None)
    line = _line([says_it(fitted, pool) for pool in full], answered)
    return Silence(fitted, line, sum(says_it(fitted, left) < line for _, left in both) / len(both))


def _questions_with_an_answer(judged: Sequence[Judged]) -> list[list[int]]:
    """The places of each question's candidates, of the questions that have a relevant one."""
    return [places for places in places_of_questions(judged) if any(judged[n].example.relevant for n in places)]


def _fitted(both: Sequence[tuple[Pool, Pool]]) -> Answerable | None:
    """By questions as they are and without their relevant candidates; None where others do not count against it."""
    if not both:
        return None
    fitted = answerable([(pool, label) for pools in both for pool, label in zip(pools, (True, False), strict=True)])
    return fitted if fitted.best > 0 >= fitted.others else None


def _line(found: Sequence[float], answered: float) -> float:
    """The probability below which at most 1 - `answered` of `found` are."""
    return min(max(sorted(found)[int((1 - answered) * len(found))], SMALLEST), HIGHEST)
