"""From a question to an answer whose citations were looked up: an `AIMessage` with v1 `citation` annotations."""

from collections.abc import Sequence
from functools import partial
from typing import Any

from langchain_core.documents import Document
from langchain_core.messages import AIMessage
from langchain_core.messages.ai import UsageMetadata
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables import Runnable, RunnableConfig, RunnableLambda

from langchain_rag_reasoner.citations import annotations
from langchain_rag_reasoner.convert import documents_of
from langchain_rag_reasoner.runnable import Asking, answering
from rag_reasoner import ReasoningReranker, Result
from rag_reasoner.results.notes import run_note
from rag_reasoner.types import Answer, Usage

NAME = "GroundedAnswer"


class GroundedAnswer(Runnable[str, AIMessage]):
    """Retrieves, ranks and answers. The documents, ranked, stand in `message.response_metadata["documents"]`."""

    def __init__(self, retriever: BaseRetriever, reranker: ReasoningReranker, *, top_n: int | None = None) -> None:
        self._retriever, self._reranker, self._top_n = retriever, reranker, top_n
        self.name = NAME

    def invoke(self, input: str, config: RunnableConfig | None = None, **kwargs: Any) -> AIMessage:
        """The answer to the question."""
        return self._chain().invoke(input, config)

    async def ainvoke(self, input: str, config: RunnableConfig | None = None, **kwargs: Any) -> AIMessage:
        """`invoke`, awaited."""
        return await self._chain().ainvoke(input, config)

    def _chain(self) -> Runnable[str, AIMessage]:
        def answer(question: str, config: RunnableConfig) -> AIMessage:
            return self._asking().now(question, self._retriever.invoke(question, config), config)

        async def aanswer(question: str, config: RunnableConfig) -> AIMessage:
            return await self._asking().later(question, await self._retriever.ainvoke(question, config), config)

        return RunnableLambda(answer, afunc=aanswer, name=self.get_name())

    def _asking(self) -> Asking[AIMessage]:
        most = self._reranker.top_n if self._top_n is None else self._top_n
        return answering(self._reranker, top_n=self._top_n, shaped=partial(message_of, top_n=most))


def message_of(result: Result, given: Sequence[Document], *, top_n: int | None = None) -> AIMessage:
    """The result's answer as a message."""
    answer = result.answer or Answer("", abstained=True)
    about = {
        **run_note(result),
        "abstained": answer.abstained,
        "answered_by": answer.answered_by,
        "documents": documents_of(result, given, keep_dropped=False, top_n=top_n),
    }
    block = {"type": "text", "text": answer.text, "annotations": annotations(result, answer)}
    return AIMessage(content=[block], response_metadata=about, usage_metadata=_usage(result.usage))


def _usage(usage: Usage) -> UsageMetadata:
    """What the run cost, where LangChain counts it."""
    return UsageMetadata(
        input_tokens=usage.prompt_tokens, output_tokens=usage.completion_tokens, total_tokens=usage.tokens
    )
