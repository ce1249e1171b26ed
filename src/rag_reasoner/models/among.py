"""What a question's candidates tell of each other, added to what a judge made of each by itself. Pure.

Whose words are nearest is likelier than the others. And where a small judge finds all candidates likely, because the
question's subject is in all of them, each is less likely than it says.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rag_reasoner.errors import InvalidInput
from rag_reasoner.models.numbers import is_number

IMAGINED = 4
"""So many candidates are imagined beside the real ones, all `typical`: they decide where there are few."""


@dataclass(frozen=True, slots=True)
class Among:
    """To each candidate's log-odds are added `nearness` * N and `together` * T. N is its nearness by words, 0..1, of
    `rag_reasoner.stages.near`. T is how far the log-odds of all candidates, its own included, lie above `typical` ones,
    by `above`.
    """

    nearness: float = 0.0
    together: float = 0.0
    typical: float = 0.0

    def added(self, near: Sequence[float], log_odds: Sequence[float]) -> list[float]:
        """To the log-odds of each of `near`, where `log_odds` are those of all candidates that were judged."""
        together = self.together * above(log_odds, self.typical)
        return [self.nearness * share + together for share in near]


NOTHING = Among()
"""Of a calibration that takes each candidate by itself."""


def above(log_odds: Sequence[float], typical: float) -> float:
    """How far the mean of `log_odds` and of `IMAGINED` typical ones lies above `typical`."""
    return sum(one - typical for one in log_odds) / (len(log_odds) + IMAGINED)


def read_among(stored: Mapping[str, Any]) -> Among:
    """Of what a card holds beside a and b; what is not there is 0. Raises InvalidInput naming what is no number, or not
    known.
    """
    names = ("nearness", "together", "typical")
    if unknown := sorted(set(stored) - set(names)):
        raise InvalidInput(f"unknown calibration: {', '.join(unknown)} beside a, b, {', '.join(names)}")
    values = {name: stored.get(name, 0.0) for name in names}
    for name, value in values.items():
        if not is_number(value):
            raise InvalidInput(f"unknown calibration: {name}={value!r} is no number")
    return Among(*(float(values[name]) for name in names))
