"""Hard negatives: documents of other rows that a retriever takes for an answer."""

import hashlib
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace

from rag_reasoner.types import Document
from rag_reasoner_train.rows.answers import holds
from rag_reasoner_train.rows.order import RetrieverOf
from rag_reasoner_train.rows.row import Row


class Collection:
    """All documents of some rows, each once, indexed. Documents that say the same are one."""

    def __init__(self, rows: Iterable[Row], retriever_of: RetrieverOf) -> None:
        documents = {content(one): one for row in rows for one in row.candidates}
        self._names = Counter(one.id for one in documents.values())
        self._retriever = retriever_of(documents.values())

    def harder(self, row: Row, number: int) -> Row:
        """`row` with up to `number` more candidates: the first that are found and do not hold an answer.

        What holds an answer may be relevant, though nobody has labelled it.
        """
        known = {content(one) for one in row.candidates}
        found = self._retriever.retrieve(row.question, number + len(row.candidates) + _SPARE)
        new = [one.document for one in found if content(one.document) not in known and not holds(one.document, row)]
        return replace(row, candidates=(*row.candidates, *(self._named(one, row) for one in new[:number])))

    def _named(self, document: Document, row: Row) -> Document:
        """The document under an id that no other candidate of the row has: ids may repeat from row to row."""
        taken = {one.id for one in row.candidates}
        unique = self._names[document.id] == 1 and document.id not in taken
        return document if unique else replace(document, id=f"{document.id}~{content(document)[:8]}")


_SPARE = 10


def content(document: Document) -> str:
    """What tells documents apart, whatever their ids are: a hash of title, text and image."""
    image = document.image and (document.image.path, document.image.page)
    return hashlib.sha256(repr((document.title, document.text, image)).encode()).hexdigest()
