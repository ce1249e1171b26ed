"""Each document with the questions that it answers and some that it does not, by itself or beside others: for reading.

The questions about one document follow one another, and beside the same others: in training these are read once for
all of them.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
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
"""The rows that a document is a candidate of."""

_FIRST = 0.8
"""How often a document stands first among others, as in a judge's order; else where the lot falls."""


@dataclass(frozen=True, slots=True)
class Alone:
    """Which documents are taken: those that answer at least `least` questions, `documents` of them drawn by lot.

    A document comes with at most `most` of the questions that it answers, and with others that it does not: of all
    questions the share `unanswerable`. `beside` it stand so many others that answer none of them, mostly after it.
    """

    documents: int | None = None
    least: int = 1
    most: int = 6
    unanswerable: float = 0.2
    beside: int = 0
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.unanswerable <= 0.9:
            raise InvalidInput(f"unanswerable={self.unanswerable}: give a share from 0 up to 0.9")
        if not 1 <= self.least <= self.most:
            raise InvalidInput(f"least={self.least}, most={self.most}: give at least 1, and no more than the most")
        if self.beside < 0:
            raise InvalidInput(f"beside={self.beside}: give 0 or more")


def alone(rows: Sequence[Row], wanted: Alone) -> Iterator[Row]:
    """Rows of one candidate each, or of 1 + `beside` where so many others are at hand.

    What is not answered is what shares most words with the document.
    """
    answered = _asked(rows, _is_answered)
    random = Random(f"alone/{wanted.seed}")
    fit = [key for key, asked in sorted(answered.items()) if len(asked) >= wanted.least]
    drawn = random.sample(fit, min(wanted.documents or len(fit), len(fit)))
    missed = _asked(rows, _is_missed, frozenset(drawn)) if wanted.unanswerable else {}
    for key in drawn:
        right, wrong = _numbers(len(answered[key]), wanted, random)
        said, unsaid = answered[key][:right], _nearest(missed.get(key, ()), key, wrong)
        shown = _among(_others([*said, *unsaid], key, wanted.beside), _document(said[0], key), random)
        yield from (_said(row, key, shown) for row in said)
        yield from (_unsaid(row, key, shown) for row in unsaid)


def _numbers(answered: int, wanted: Alone, random: Random) -> tuple[int, int]:
    """How many questions of a document it answers, and how many it does not: the share on average, not for each."""
    right = min(answered, wanted.most)
    due = right * wanted.unanswerable / (1 - wanted.unanswerable)
    return right, int(due) + (random.random() < due % 1)


def _asked(rows: Iterable[Row], suits: Callable[[Row, Document], bool], among: Collection[Key] | None = None) -> Asked:
    """The rows by those of their candidates (`among` these, where given) that suit them."""
    found: defaultdict[Key, list[Row]] = defaultdict(list)
    for row in rows:
        for document in row.candidates:
            key = (document.id, document.text)
            if (among is None or key in among) and suits(row, document):
                found[key].append(row)
    return found


def _is_answered(row: Row, document: Document) -> bool:
    return not worked_out(row) and document.id in row.relevant and holds(document, row)


def _is_missed(row: Row, document: Document) -> bool:
    return document.id not in row.relevant and not holds(document, row)


def _nearest(rows: Sequence[Row], key: Key, most: int) -> list[Row]:
    return sorted(rows, key=lambda row: overlap(row.question, key[1]), reverse=True)[:most]


def _others(asked: Sequence[Row], key: Key, most: int) -> list[Document]:
    """Other candidates of these rows that help with none of them: those that share most words with the questions."""
    others = {one.id: one for row in asked for one in row.candidates if one.id != key[0]} if most else {}
    no_help = [one for one in others.values() if all(_is_missed(row, one) for row in asked)]
    questions = " ".join(row.question for row in asked)
    return sorted(no_help, key=lambda one: overlap(questions, one.text), reverse=True)[:most]


def _among(others: Sequence[Document], document: Document, random: Random) -> tuple[Document, ...]:
    place = random.randint(0, len(others)) if others and random.random() >= _FIRST else 0
    return (*others[:place], document, *others[place:])


def _document(row: Row, key: Key) -> Document:
    return next(one for one in row.candidates if one.id == key[0])


def _said(row: Row, key: Key, shown: tuple[Document, ...]) -> Row:
    return replace(row, id=f"{row.id}/{key[0]}", candidates=shown, relevant={key[0]: row.relevant[key[0]]})


def _unsaid(row: Row, key: Key, shown: tuple[Document, ...]) -> Row:
    return replace(row, id=f"{row.id}/{key[0]}{SUFFIX}", candidates=shown, relevant={}, answers=())
