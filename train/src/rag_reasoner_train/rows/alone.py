"""Each document by itself, with the questions that it answers and some that it does not: for learning to read.

The questions about one document follow one another: in training it is read once for all of them.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from random import Random

from rag_reasoner.errors import InvalidInput
from rag_reasoner.types import Document
from rag_reasoner.words import overlap
from rag_reasoner_train.rows.abstention import SUFFIX
from rag_reasoner_train.rows.answers import holds, worked_out
from rag_reasoner_train.rows.row import Row

Key = tuple[str, str]
"""The id and the text of a document."""

Asked = Mapping[Key, Sequence[Row]]
"""The rows of questions about a document."""


@dataclass(frozen=True, slots=True)
class Alone:
    """Which documents are taken: those that answer at least `least` questions, `documents` of them drawn by lot.

    Of the questions that come of a document, at most `most`, the share `unanswerable` is not answered by it.
    """

    documents: int | None = None
    least: int = 1
    most: int = 6
    unanswerable: float = 0.2
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.unanswerable <= 0.9:
            raise InvalidInput(f"unanswerable={self.unanswerable}: give a share from 0 up to 0.9")
        if not 1 <= self.least <= self.most:
            raise InvalidInput(f"least={self.least}, most={self.most}: give at least 1, and no more than the most")


def alone(rows: Sequence[Row], wanted: Alone) -> Iterator[Row]:
    """Rows of one candidate each. What is not answered is what shares most words with the document."""
    answered = _answered(rows)
    random = Random(f"alone/{wanted.seed}")
    fit = [key for key, asked in sorted(answered.items()) if len(asked) >= wanted.least]
    drawn = random.sample(fit, min(wanted.documents or len(fit), len(fit)))
    missed = _missed(rows, frozenset(drawn)) if wanted.unanswerable else {}
    for key in drawn:
        right, wrong = _numbers(len(answered[key]), wanted, random)
        yield from answered[key][:right]
        yield from islice(sorted(missed.get(key, ()), key=_nearness, reverse=True), wrong)


def _numbers(answered: int, wanted: Alone, random: Random) -> tuple[int, int]:
    """How many questions of a document it answers, and how many it does not: the share on average, not for each."""
    right = min(answered, max(round(wanted.most * (1 - wanted.unanswerable)), 1))
    due = right * wanted.unanswerable / (1 - wanted.unanswerable)
    return right, int(due) + (random.random() < due % 1)


def _answered(rows: Iterable[Row]) -> Asked:
    found: defaultdict[Key, list[Row]] = defaultdict(list)
    for row in rows:
        for document in row.candidates if not worked_out(row) else ():
            if document.id in row.relevant and holds(document, row):
                found[document.id, document.text].append(_by_itself(row, document, relevant=True))
    return found


def _missed(rows: Iterable[Row], keys: Collection[Key]) -> Asked:
    """Questions that the documents were candidates for, and that they do not answer."""
    found: defaultdict[Key, list[Row]] = defaultdict(list)
    for row in rows:
        for document in row.candidates:
            key = (document.id, document.text)
            if key in keys and document.id not in row.relevant and not holds(document, row):
                found[key].append(_by_itself(row, document, relevant=False))
    return found


def _by_itself(row: Row, document: Document, *, relevant: bool) -> Row:
    name = f"{row.id}/{document.id}"
    if relevant:
        return replace(row, id=name, candidates=(document,), relevant={document.id: row.relevant[document.id]})
    return replace(row, id=f"{name}{SUFFIX}", candidates=(document,), relevant={}, answers=())


def _nearness(row: Row) -> float:
    return overlap(row.question, row.candidates[0].text)
