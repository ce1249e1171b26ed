"""The order of a row's candidates, and which of them stay: all that are relevant, and the hardest of the others."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from random import Random
from typing import Literal

from rag_reasoner.retrieve.base import Retriever
from rag_reasoner.types import Document
from rag_reasoner_train.rows.row import Row

Order = Literal["retrieval", "shuffled", "given"]
RetrieverOf = Callable[[Iterable[Document]], Retriever]
"""Indexes documents."""


def by_retrieval(row: Row, retriever_of: RetrieverOf) -> Row:
    """The candidates as a retriever over them ranks them; what it does not find follows as given."""
    found = retriever_of(row.candidates).retrieve(row.question, len(row.candidates))
    places = {one.document.id: place for place, one in enumerate(found)}
    return replace(row, candidates=tuple(sorted(row.candidates, key=lambda one: places.get(one.id, len(places)))))


def fewer(row: Row, number: int, *, easy: float = 0.0, seed: int = 0) -> Row:
    """`number` candidates, in the order given: the relevant, all of them, and the first of the others.

    The share `easy` of those others is drawn from the rest: a model must also meet what is plainly beside the point.
    """
    others = [one.id for one in row.candidates if one.id not in row.relevant]
    room = max(number - (len(row.candidates) - len(others)), 0)
    hard = room - round(room * easy)
    rest = others[hard:]
    drawn = Random(f"{seed}/{row.id}/easy").sample(rest, min(room - hard, len(rest)))
    kept = {*row.relevant, *others[:hard], *drawn}
    return replace(row, candidates=tuple(one for one in row.candidates if one.id in kept))


def in_order(row: Row, order: Order, given: Sequence[Document], seed: int) -> Row:
    """A row in retrieval order, brought into the `order` asked for; `given` is how its candidates once stood."""
    if order == "shuffled":
        return replace(row, candidates=_shuffled(row, seed))
    if order == "given":
        places = {one.id: place for place, one in enumerate(given)}
        return replace(row, candidates=tuple(sorted(row.candidates, key=lambda one: places.get(one.id, len(places)))))
    return row


def _shuffled(row: Row, seed: int) -> tuple[Document, ...]:
    """By nothing that tells the relevant: the candidates are put in the order of their ids first."""
    known = sorted(row.candidates, key=lambda one: one.id)
    return tuple(Random(f"{seed}/{row.id}/order").sample(known, len(known)))
