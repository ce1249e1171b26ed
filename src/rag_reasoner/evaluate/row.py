"""One question of a benchmark, with everything that is needed to ask it and to judge what comes back."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rag_reasoner.types import Document


@dataclass(frozen=True, slots=True)
class Row:
    """A question, its candidates, the ids of the relevant ones with their grades, and the answers that count as right.

    `group` is what the benchmark averages by: a domain, a category, a type of answer. `gold` holds whatever else its
    own metrics need, as JSON values.
    """

    id: str
    question: str
    candidates: tuple[Document, ...] = field(repr=False)
    relevant: Mapping[str, float]
    answers: tuple[str, ...] = ()
    group: str = ""
    gold: Mapping[str, Any] = field(default_factory=dict)


Want = Callable[[str], bool]
"""Whether a question of this id is wanted. Loaders ask before they build a row: what is not drawn costs nothing."""

Load = Callable[[Path, str, Want], Iterator[Row]]
"""A folder, a split of it, and which questions are wanted -> the rows, one at a time."""
