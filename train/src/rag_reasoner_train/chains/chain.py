"""A reasoning chain: what a good reply says about each document of a row, whatever order they are shown in."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Saying:
    """What is said about one document: a quote where it is relevant, a short reason where it is not."""

    quote: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Chain:
    """What is said about each candidate of the row `row_id`, by the candidate's id, and the answer.

    `certain`: a quote carries the answer, word for word; only such rows should teach how to answer. `made_by` is
    "rules", or the teacher's name. `answer` is None where there is none to teach.
    """

    row_id: str
    sayings: Mapping[str, Saying] = field(hash=False)
    answer: str | None = None
    certain: bool = False
    made_by: str = "rules"
