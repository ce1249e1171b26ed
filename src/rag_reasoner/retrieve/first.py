"""The embedded first stage over pages that were just read."""

from collections.abc import Sequence

from rag_reasoner.retrieve.lexical import LexicalRetriever
from rag_reasoner.types import Candidate, Document


def find_pages(documents: Sequence[Document], query: str, k: int, *, sees: bool) -> list[Candidate]:
    """Pages that share words with the query, then, for a model that sees, pages that have no words; `k` at most."""
    found = LexicalRetriever(documents).retrieve(query, k)
    silent = [document for document in documents if document.metadata.get("no_text")] if sees else []
    return [*found, *(Candidate(document) for document in silent[: k - len(found)])]
