"""Framework adapters, found through the entry point group `rag_reasoner.integrations`; the library imports none."""

from collections.abc import Callable
from importlib.metadata import entry_points
from typing import Any, Literal

from rag_reasoner.errors import RagReasonerError

GROUP = "rag_reasoner.integrations"

Adapter = Literal["llama_index", "langchain", "runnable", "tool"]

PACKAGES: dict[Adapter, str] = {
    "llama_index": "llama-index-postprocessor-rag-reasoner",
    "langchain": "langchain-rag-reasoner",
    "runnable": "langchain-rag-reasoner",
    "tool": "langchain-rag-reasoner",
}


class MissingIntegration(RagReasonerError, ImportError):
    """The package that adapts the reranker to a framework is not installed."""


def adapter(name: Adapter) -> Callable[..., Any]:
    """The adapter's factory: called with the reranker and its own options.

    Raises MissingIntegration, which names the package to install.
    """
    found = entry_points(group=GROUP, name=name)
    for entry_point in found:
        factory: Callable[..., Any] = entry_point.load()
        return factory
    raise MissingIntegration(f"this needs the package that adapts rag_reasoner: pip install {PACKAGES[name]}")
