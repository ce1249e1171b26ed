"""Rows whose documents do not say: questions without the documents that answer them."""

from collections.abc import Iterator
from dataclasses import replace
from random import Random

from rag_reasoner_train.rows.answers import holds
from rag_reasoner_train.rows.row import Row

SUFFIX = "#unanswerable"
_FEWEST = 2


def with_unanswerable(row: Row, share: float, seed: int) -> Iterator[Row]:
    """The row, and for so many of the rows that they make up `share` of all, its unanswerable twin."""
    yield row
    # Of n rows n * chance twins are made: chance / (1 + chance) of all rows.
    chance = share / (1 - share)
    if row.answerable and Random(f"{seed}/{row.id}/unanswerable").random() < chance:
        twin = unanswerable(row)
        if len(twin.candidates) >= _FEWEST:
            yield twin


def unanswerable(row: Row) -> Row:
    """The row without its relevant candidates, and without any other that holds an answer."""
    left = tuple(one for one in row.candidates if one.id not in row.relevant and not holds(one, row))
    return replace(row, id=f"{row.id}{SUFFIX}", candidates=left, relevant={}, answers=())
