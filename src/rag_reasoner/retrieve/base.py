"""What a first stage is: something that finds, in a collection, the documents that may help to answer."""

from typing import Protocol, runtime_checkable

from rag_reasoner.types import Candidate


@runtime_checkable
class Retriever(Protocol):
    """Finds candidates. Each carries its score under the retriever's name; `position` is its place in the list."""

    def retrieve(self, query: str, k: int = 20) -> list[Candidate]:
        """At most `k` candidates, the best first."""
