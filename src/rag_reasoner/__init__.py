"""Rank retrieved pages with reasons a person can check, and answer with citations whose quotes were looked up."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rag_reasoner.pages import Reading, read
    from rag_reasoner.reranker import ReasoningReranker
    from rag_reasoner.results import Result
    from rag_reasoner.retrieve.lexical import LexicalRetriever
    from rag_reasoner.types import Candidate, Document, Image

    __version__: str

_HOMES = {
    "Candidate": "rag_reasoner.types",
    "Document": "rag_reasoner.types",
    "Image": "rag_reasoner.types",
    "LexicalRetriever": "rag_reasoner.retrieve.lexical",
    "Reading": "rag_reasoner.pages",
    "ReasoningReranker": "rag_reasoner.reranker",
    "Result": "rag_reasoner.results",
    "read": "rag_reasoner.pages",
}

__all__ = [
    "Candidate",
    "Document",
    "Image",
    "LexicalRetriever",
    "Reading",
    "ReasoningReranker",
    "Result",
    "__version__",
    "read",
]


def __getattr__(name: str) -> Any:
    """Imports a public name when it is first used, so that importing the package costs nothing."""
    if name == "__version__":
        return import_module("importlib.metadata").version("rag-reasoner")
    if name not in _HOMES:
        raise AttributeError(f"module 'rag_reasoner' has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
