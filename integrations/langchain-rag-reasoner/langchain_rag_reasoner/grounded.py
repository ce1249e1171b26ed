"""From a question to an answer whose citations were looked up: an `AIMessage` with v1 `citation` annotations."""

import re
from collections.abc import Sequence
from typing import Any

from langchain_core.documents import Document
from langchain_core.messages import AIMessage
from langchain_core.messages.content import Citation as Annotation
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables import Runnable, RunnableConfig, RunnableLambda

from langchain_rag_reasoner.convert import candidates_of, documents_of
from rag_reasoner import ReasoningReranker, Result
from rag_reasoner.results.notes import citation_note
from rag_reasoner.types import Answer, Citation

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
            found = self._retriever.invoke(question, config)
            return message_of(self._reranker.answer(question, candidates_of(found), top_n=self._top_n), found)

        async def aanswer(question: str, config: RunnableConfig) -> AIMessage:
            found = await self._retriever.ainvoke(question, config)
            return message_of(await self._reranker.aanswer(question, candidates_of(found), top_n=self._top_n), found)

        return RunnableLambda(answer, afunc=aanswer, name=NAME)


def message_of(result: Result, given: Sequence[Document]) -> AIMessage:
    """The result's answer as a message."""
    answer = result.answer or Answer("", abstained=True)
    block = {"type": "text", "text": answer.text, "annotations": annotations(result, answer)}
    about = {
        "abstained": answer.abstained,
        "answered_by": answer.answered_by,
        "degraded": result.degraded,
        "faults": [fault.kind for fault in result.faults],
        "documents": documents_of(result, given, keep_dropped=False),
    }
    return AIMessage(content=[block], response_metadata=about)


def annotations(result: Result, answer: Answer) -> list[Annotation]:
    """A v1 citation for each citation: indices of its mark in the answer, and in the extras its place on the page."""
    ranks = {one.candidate.position: one for one in result.ranked}
    return [
        _annotation(citation, answer, ranks[citation.position])
        for citation in answer.citations
        if citation.position in ranks
    ]


def _annotation(citation: Citation, answer: Answer, judgement: Any) -> Annotation:
    document = judgement.candidate.document
    found: Annotation = {"type": "citation", "cited_text": citation.quote, "extras": citation_note(citation)}
    if document.title or document.source:
        found["title"] = document.title or document.source
    if document.source and document.source.startswith(("http://", "https://")):
        found["url"] = document.source
    if mark := re.search(rf"\[[^\]]*\b{judgement.rank}\b[^\]]*\]", answer.text):
        found["start_index"], found["end_index"] = mark.span()
    return found
