"""Retrievers: our first stages in LangChain, and any retriever with the reranker behind it."""

from typing import Any

from langchain_core.callbacks import AsyncCallbackManagerForRetrieverRun, CallbackManagerForRetrieverRun
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables import RunnableConfig, run_in_executor
from pydantic import ConfigDict, Field

from langchain_rag_reasoner.runnable import Asking, reranking
from rag_reasoner import ReasoningReranker
from rag_reasoner.results.notes import NOTE, page_note
from rag_reasoner.retrieve.base import Retriever
from rag_reasoner.types import Candidate


class PageRetriever(BaseRetriever):
    """Pages found by one of rag_reasoner's first stages."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    first_stage: Any = Field(exclude=True, repr=False)
    k: int = 20

    def __init__(self, first_stage: Retriever, **options: Any) -> None:
        super().__init__(first_stage=first_stage, **options)  # type: ignore[call-arg]

    def _get_relevant_documents(
        self, query: str, *, run_manager: CallbackManagerForRetrieverRun, k: int | None = None
    ) -> list[Document]:
        return [_document(candidate) for candidate in self.first_stage.retrieve(query, self.k if k is None else k)]

    async def _aget_relevant_documents(
        self, query: str, *, run_manager: AsyncCallbackManagerForRetrieverRun, k: int | None = None
    ) -> list[Document]:
        found = await run_in_executor(None, self.first_stage.retrieve, query, self.k if k is None else k)
        return [_document(candidate) for candidate in found]


def _document(candidate: Candidate) -> Document:
    """A page as a document. Its image is referred to, by file or URL; one that is only in memory stays behind."""
    page = candidate.document
    about = {
        "source": page.source,
        "title": page.title,
        "page_label": str(page.page or ""),
        "image_url": page.image.url if page.image else None,
    }
    metadata = {key: value for key, value in about.items() if value} | {NOTE: page_note(candidate)}
    return Document(id=page.id, page_content=page.text, metadata=metadata)


class ReasoningRetriever(BaseRetriever):
    """Any retriever, with the reranker behind it. `top_n`, or `k` as retrievers call it, limits what is given back."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    base: BaseRetriever
    reranker: Any = Field(exclude=True, repr=False)
    k: int | None = None
    keep_dropped: bool = False

    def __init__(self, base: BaseRetriever, reranker: ReasoningReranker, **options: Any) -> None:
        top_n = options.pop("top_n", None)
        super().__init__(base=base, reranker=reranker, **{"k": top_n, **options})  # type: ignore[call-arg]

    def _get_relevant_documents(
        self, query: str, *, run_manager: CallbackManagerForRetrieverRun, k: int | None = None
    ) -> list[Document]:
        config: RunnableConfig = {"callbacks": run_manager.get_child()}
        found = self.base.invoke(query, config)
        return self._asking(k).now(query, found, config) if found else []

    async def _aget_relevant_documents(
        self, query: str, *, run_manager: AsyncCallbackManagerForRetrieverRun, k: int | None = None
    ) -> list[Document]:
        config: RunnableConfig = {"callbacks": run_manager.get_child()}
        found = await self.base.ainvoke(query, config)
        return await self._asking(k).later(query, found, config) if found else []

    def _asking(self, k: int | None) -> Asking[list[Document]]:
        return reranking(self.reranker, top_n=self.k if k is None else k, keep_dropped=self.keep_dropped)
