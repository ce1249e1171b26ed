"""How near the candidates of rows are to their questions by words, as inference finds it."""

from collections.abc import Iterable

from rag_reasoner.retrieve.lexical import LexicalRetriever
from rag_reasoner.stages.near import nearness
from rag_reasoner_train.examples.pointwise import pointwise_id
from rag_reasoner_train.rows.row import Row


def nearness_by_id(rows: Iterable[Row]) -> dict[str, float]:
    """0..1, by the id of the example that asks about a candidate, as our retriever scores the candidates of its row."""
    near: dict[str, float] = {}
    for row in rows:
        found = LexicalRetriever(row.candidates).retrieve(row.question, len(row.candidates), fill=True)
        ids = [pointwise_id(row, one.document) for one in found]
        near |= dict(zip(ids, nearness(row.question, found), strict=True))
    return near
