"""The reranker as a tool for agents: text for the model to read, documents as the artifact."""

from collections.abc import Sequence
from functools import partial
from typing import Any

from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever
from langchain_core.tools import BaseTool, StructuredTool, ToolException

from langchain_rag_reasoner.convert import documents_of
from langchain_rag_reasoner.runnable import answering
from rag_reasoner import ReasoningReranker, Result
from rag_reasoner.candidates import checked_query
from rag_reasoner.errors import InvalidInput

DESCRIPTION = (
    "Search the documents for what helps to answer a question. Gives the best passages with reasons and page numbers, "
    "and an answer where the documents hold one."
)

Found = tuple[str, list[Document]]
"""Content and artifact."""


def as_tool(
    reranker: ReasoningReranker,
    *,
    retriever: BaseRetriever,
    name: str = "search_documents",
    description: str = DESCRIPTION,
    top_n: int | None = 5,
) -> BaseTool:
    """A tool that takes a question: its content is text, its artifact the ranked documents.

    A question that cannot be asked is told to the agent, which may ask another.
    """
    asking = answering(reranker, top_n=top_n, shaped=partial(_shown, top_n=top_n))

    # No config is asked for: LangChain would give the caller's. The tool's own, with its run as parent, is in context.
    def search(question: str) -> Found:
        question = _checked(question)
        return asking.now(question, retriever.invoke(question), None)

    async def asearch(question: str) -> Found:
        question = _checked(question)
        return await asking.later(question, await retriever.ainvoke(question), None)

    options: dict[str, Any] = {"response_format": "content_and_artifact", "handle_tool_error": True}
    return StructuredTool.from_function(search, asearch, name=name, description=description, **options)


def _checked(question: str) -> str:
    try:
        return checked_query(question)
    except InvalidInput as error:
        raise ToolException(str(error)) from error


def _shown(result: Result, given: Sequence[Document], *, top_n: int | None) -> Found:
    lines = [f"Answer: {result.answer.text}"] if result.answer else []
    for judgement in result.ranked:
        document = judgement.candidate.document
        page = f", page {document.page}" if document.page else ""
        lines.append(f"[{judgement.rank}] {document.source or document.id}{page}: {judgement.reasoning}")
    return "\n".join(lines), documents_of(result, given, keep_dropped=False, top_n=top_n)
