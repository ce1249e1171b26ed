"""From rows as they come to rows to train on: sampled, made harder, made unanswerable, cut and put in order."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial

from rag_reasoner.errors import InvalidInput
from rag_reasoner.retrieve.lexical import LexicalRetriever
from rag_reasoner_train.rows.abstention import with_unanswerable
from rag_reasoner_train.rows.balance import Bucket, balanced_ids, bucket
from rag_reasoner_train.rows.hard_negatives import Collection
from rag_reasoner_train.rows.joined import with_pages
from rag_reasoner_train.rows.order import Order, RetrieverOf, by_retrieval, fewer, in_order
from rag_reasoner_train.rows.row import Row


@dataclass(frozen=True, slots=True)
class Preparation:
    """What is to be done. `sample`: so many rows, balanced, and with `missed` as many of each kind that retrieval gets
    wrong as those that it gets right; `mine`: so many hard negatives more for each row;
    `unanswerable`: the share of rows without a relevant candidate that are added; `candidates`: so many a row, of whose
    irrelevant ones the share `easy` is drawn at random and the rest is what retrieval ranks first; `pages`: the share
    of the rows whose candidates are joined to pages.
    """

    sample: int | None = None
    mine: int = 0
    unanswerable: float = 0.0
    candidates: int | None = None
    easy: float = 0.0
    order: Order = "retrieval"
    seed: int = 0
    missed: bool = False
    pages: float = 0.0

    def __post_init__(self) -> None:
        for name in ("unanswerable", "easy", "pages"):
            share = getattr(self, name)
            if not 0 <= share <= (0.9 if name == "unanswerable" else 1):
                raise InvalidInput(f"{name}={share}: give a share from 0 up to {0.9 if name == 'unanswerable' else 1}")


def prepare(rows: Iterable[Row], wanted: Preparation, retriever_of: RetrieverOf = LexicalRetriever) -> Iterator[Row]:
    """The rows, prepared. `rows` is gone through once for each thing that needs to know them all."""
    kind = partial(_kind, retriever_of) if wanted.missed else bucket
    taken = balanced_ids(rows, wanted.sample, wanted.seed, by=kind) if wanted.sample else None
    collection = Collection(rows, retriever_of) if wanted.mine else None
    for row in rows:
        if taken is None or row.id in taken:
            paged = with_pages(row, wanted.pages, wanted.seed)
            harder = collection.harder(paged, wanted.mine) if collection else paged
            for one in with_unanswerable(harder, wanted.unanswerable, wanted.seed):
                yield _arranged(one, wanted, retriever_of)


def _kind(retriever_of: RetrieverOf, row: Row) -> tuple[Bucket, bool]:
    """The row's bucket, and whether retrieval puts what is relevant first."""
    first = next(iter(by_retrieval(row, retriever_of).candidates), None)
    return bucket(row), first is not None and first.id in row.relevant


def _arranged(row: Row, wanted: Preparation, retriever_of: RetrieverOf) -> Row:
    ranked = by_retrieval(row, retriever_of)
    if wanted.candidates is not None:
        ranked = fewer(ranked, wanted.candidates, easy=wanted.easy, seed=wanted.seed)
    return in_order(ranked, wanted.order, row.candidates, wanted.seed)
