"""One question for training: its candidates, which of them are relevant, and the answers that count as right."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from rag_reasoner.types import Document

SET = "set"
"""Where a row's `extra` says of which set it is: the name of the folder that it was first read from."""


@dataclass(frozen=True, slots=True)
class Row:
    """A question and its candidates. The ids of the candidates differ; `relevant` maps some of them to their grade.

    Without a relevant candidate the documents do not say, and there are no `answers` to be given. `extra` is whatever
    else the row's line held, as JSON values; it is written back as it came.
    """

    id: str
    question: str
    candidates: tuple[Document, ...] = field(repr=False)
    relevant: Mapping[str, float] = field(hash=False)
    answers: tuple[str, ...] = ()
    extra: Mapping[str, Any] = field(default_factory=dict, hash=False, repr=False)

    @property
    def answerable(self) -> bool:
        return bool(self.relevant)
