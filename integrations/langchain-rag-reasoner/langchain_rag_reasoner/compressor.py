"""The reranker as a document compressor."""

from collections.abc import Sequence
from typing import Any

from langchain_core.callbacks import Callbacks
from langchain_core.documents import BaseDocumentCompressor, Document
from pydantic import ConfigDict, Field

from langchain_rag_reasoner.runnable import Asking, reranking
from rag_reasoner import ReasoningReranker


class ReasoningCompressor(BaseDocumentCompressor):
    """Drops the clearly irrelevant documents and ranks the rest with reasons.

    Documents that nobody could read follow, with the reason, where `top_n` leaves room; with `keep_dropped`, all that
    were dropped do. Each call is a run of its own under the caller's callbacks, so that tracing shows it.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    reranker: Any = Field(exclude=True, repr=False)
    top_n: int | None = Field(default=None, ge=1)
    keep_dropped: bool = False

    def __init__(self, reranker: ReasoningReranker, **options: Any) -> None:
        super().__init__(reranker=reranker, **options)  # type: ignore[call-arg]

    def compress_documents(
        self, documents: Sequence[Document], query: str, callbacks: Callbacks | None = None
    ) -> list[Document]:
        """Copies of the documents that are left, the best first."""
        return self._asking().now(query, list(documents), {"callbacks": callbacks})

    async def acompress_documents(
        self, documents: Sequence[Document], query: str, callbacks: Callbacks | None = None
    ) -> list[Document]:
        """`compress_documents`, awaited."""
        return await self._asking().later(query, list(documents), {"callbacks": callbacks})

    def _asking(self) -> Asking[list[Document]]:
        return reranking(self.reranker, top_n=self.top_n, keep_dropped=self.keep_dropped)


def as_compressor(reranker: ReasoningReranker, **options: Any) -> ReasoningCompressor:
    """What `ReasoningReranker.as_langchain` gives."""
    return ReasoningCompressor(reranker, **options)
