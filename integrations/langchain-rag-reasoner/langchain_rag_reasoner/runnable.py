"""The reranker as a runnable, for chains."""

from collections.abc import Mapping
from typing import Any

from langchain_core.documents import Document
from langchain_core.runnables import Runnable, RunnableLambda

from langchain_rag_reasoner.convert import candidates_of, documents_of
from rag_reasoner import ReasoningReranker

NAME = "ReasoningReranker"
"""How the run is called in a trace."""


def as_runnable(
    reranker: ReasoningReranker, *, top_n: int | None = None, keep_dropped: bool = False
) -> Runnable[Mapping[str, Any], list[Document]]:
    """From `{"query": ..., "documents": [...]}` to copies of the documents that are left, the best first."""

    def rerank(asked: Mapping[str, Any]) -> list[Document]:
        given = list(asked["documents"])
        result = reranker.rerank(asked["query"], candidates_of(given), top_n=top_n)
        return documents_of(result, given, keep_dropped=keep_dropped)

    async def arerank(asked: Mapping[str, Any]) -> list[Document]:
        given = list(asked["documents"])
        result = await reranker.arerank(asked["query"], candidates_of(given), top_n=top_n)
        return documents_of(result, given, keep_dropped=keep_dropped)

    return RunnableLambda(rerank, afunc=arerank, name=NAME)
