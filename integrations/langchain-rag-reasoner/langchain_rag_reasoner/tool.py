"""The reranker as a tool for agents: text for the model to read, documents as the artifact."""

from collections.abc import Sequence
from typing import Any

from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever
from langchain_core.tools import BaseTool, StructuredTool

from langchain_rag_reasoner.convert import candidates_of, documents_of
from rag_reasoner import ReasoningReranker, Result

DESCRIPTION = (
    "Search the documents for what helps to answer a question. Gives the best passages with reasons and page numbers, "
    "and an answer where the documents hold one."
)


def as_tool(
    reranker: ReasoningReranker,
    *,
    retriever: BaseRetriever,
    name: str = "search_documents",
    description: str = DESCRIPTION,
    top_n: int | None = 5,
) -> BaseTool:
    """A tool that takes a question: its content is text, its artifact the ranked documents."""

    def search(question: str) -> tuple[str, list[Document]]:
        found = retriever.invoke(question)
        return _shown(reranker.answer(question, candidates_of(found), top_n=top_n), found)

    async def asearch(question: str) -> tuple[str, list[Document]]:
        found = await retriever.ainvoke(question)
        return _shown(await reranker.aanswer(question, candidates_of(found), top_n=top_n), found)

    options: dict[str, Any] = {"name": name, "description": description, "response_format": "content_and_artifact"}
    return StructuredTool.from_function(func=search, coroutine=asearch, **options)


def _shown(result: Result, given: Sequence[Document]) -> tuple[str, list[Document]]:
    lines = [f"Answer: {result.answer.text}"] if result.answer else []
    for judgement in result.ranked:
        document = judgement.candidate.document
        page = f", page {document.page}" if document.page else ""
        lines.append(f"[{judgement.rank}] {document.source or document.id}{page}: {judgement.reasoning}")
    return "\n".join(lines), documents_of(result, given, keep_dropped=False)
