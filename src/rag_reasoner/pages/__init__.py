"""Files become documents: pages of PDFs, pictures, texts. Hostile ones are met in a process of its own."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rag_reasoner.pages.image import load
    from rag_reasoner.pages.marking import highlight, highlight_regions
    from rag_reasoner.pages.reading import Reading, Unread, read
    from rag_reasoner.pages.words import with_words

__all__ = ["Reading", "Unread", "highlight", "highlight_regions", "load", "read", "with_words"]

_HOMES = {
    "Reading": "reading",
    "Unread": "reading",
    "highlight": "marking",
    "highlight_regions": "marking",
    "load": "image",
    "read": "reading",
    "with_words": "words",
}


def __getattr__(name: str) -> Any:
    """Imports a name when it is first used: the worker process imports this package too, and must start fast."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
