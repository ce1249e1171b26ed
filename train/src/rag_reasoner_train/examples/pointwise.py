"""Point-wise examples: can this document help to answer? One for each candidate of a row.

A document is cut by its question alone, as inference cuts it: what is kept for the label's sake would tell the label.
"""

from collections.abc import Iterable, Iterator

from rag_reasoner.rewards import Truth
from rag_reasoner.tasks import RelevanceTask
from rag_reasoner.types import Document
from rag_reasoner_train.examples.example import Example
from rag_reasoner_train.rows.row import Row
from rag_reasoner_train.rows.view import WHOLE, View, seen


def pointwise_examples(rows: Iterable[Row], *, view: View = WHOLE) -> Iterator[Example]:
    """The candidates of each row one after another, in the order of the row."""
    for row in rows:
        for document in row.candidates:
            yield _example(row, document, view)


def pointwise_id(row: Row, document: Document) -> str:
    """The id of the example that asks about `document`."""
    return f"{row.id}/relevance/{document.id}"


def _example(row: Row, document: Document, view: View) -> Example:
    relevant = document.id in row.relevant
    truth = Truth({0: row.relevant[document.id]} if relevant else {}, row.answers if relevant else ())
    task = RelevanceTask(row.question, seen(row.question, document, view))
    return Example(pointwise_id(row, document), row.id, task, truth, task.render(relevant), relevant)
