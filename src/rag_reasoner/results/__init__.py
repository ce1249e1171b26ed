"""Results: values that print themselves and go to JSON and back."""

from rag_reasoner.results.result import Result

__all__ = ["Result"]
