"""Where the documents do not say: how likely it must be, of a question's candidates, that one of them does."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import groupby
from typing import Any

from rag_reasoner.evaluate.fit import Pool, answerable
from rag_reasoner.models.answerable import Answerable
from rag_reasoner_train.stages.dev import Judged

SMALLEST = 1e-6
"""A line is a probability above 0."""

LIKELY = 0.5
"""Where it is likelier than not that a document says it, one says it."""


@dataclass(frozen=True, slots=True)
class Silence:
    """Of the questions that have an answer, all but the wanted share are as likely to have one as `abstain_below`: by
    `answerable` or, where it could not be fitted, by their likeliest candidate. `noticed`: the share of the same
    questions that are below it once their relevant candidates are taken out; None where it was not fitted.
    """

    answerable: Answerable | None
    abstain_below: float
    noticed: float | None

    def as_value(self) -> dict[str, Any]:
        """What a card holds of it."""
        fitted = {"answerable": asdict(self.answerable)} if self.answerable else {}
        return {**fitted, "abstain_below": self.abstain_below}


def silence(judged: Sequence[Judged], alone: Sequence[float], relevant: Sequence[float], answered: float) -> Silence:
    """Of all candidates judged, a question's together: the calibrated probability by itself, and P(relevant).

    Fitted on the questions that have a relevant candidate, as they are and without it. `answered` is the share of them
    that shall get an answer.
    """
    numbered = sorted(range(len(judged)), key=lambda n: judged[n].example.group)
    questions = [list(some) for _, some in groupby(numbered, key=lambda n: judged[n].example.group)]
    said = [some for some in questions if any(judged[n].example.relevant for n in some)]
    unsaid = [[n for n in some if not judged[n].example.relevant] for some in said]

    def pools(all: Sequence[Sequence[int]]) -> list[Pool]:
        return [[(alone[n], relevant[n]) for n in some] for some in all if some]

    full, bare = pools(said), pools(unsaid)
    fitted = answerable([*((pool, True) for pool in full), *((pool, False) for pool in bare)]) if bare else None
    rises = fitted if fitted and fitted.best > 0 else None
    line = _line([_likely(pool, rises) for pool in full], answered)
    return Silence(rises, line, _share_below(list(map(rises, bare)), line) if rises else None)


def _likely(pool: Pool, fitted: Answerable | None) -> float:
    return fitted(pool) if fitted else max(relevant for _, relevant in pool)


def _line(found: Sequence[float], answered: float) -> float:
    """The probability below which at most 1 - `answered` of `found` are."""
    return min(max(sorted(found)[int((1 - answered) * len(found))], SMALLEST), LIKELY)


def _share_below(found: Sequence[float], line: float) -> float:
    return sum(one < line for one in found) / len(found)
