"""How near documents are to a query by their words: what a calibration may add to what a judge says."""

from collections.abc import Sequence

from rag_reasoner.types import Document
from rag_reasoner.words import likeness


def nearness(query: str, documents: Sequence[Document]) -> list[float]:
    """`likeness` of each document's title and text, 0..1."""
    return likeness(query, [f"{document.title}\n{document.text}" for document in documents])
