"""The reranker as a node postprocessor."""

from contextlib import AbstractContextManager
from typing import Any

from llama_index.core.bridge.pydantic import Field, PrivateAttr
from llama_index.core.postprocessor.types import BaseNodePostprocessor
from llama_index.core.schema import NodeWithScore, QueryBundle
from llama_index.postprocessor.rag_reasoner.convert import candidates_of, nodes_of, question_of
from llama_index.postprocessor.rag_reasoner.telling import Reranking, reranking
from llama_index_instrumentation import get_dispatcher

from rag_reasoner import ReasoningReranker
from rag_reasoner.errors import InvalidInput
from rag_reasoner.results import Result
from rag_reasoner.results.notes import listed

dispatcher = get_dispatcher(__name__)


class ReasoningRerankPostprocessor(BaseNodePostprocessor):
    """Drops the clearly irrelevant nodes and ranks the rest with reasons.

    A dropped node that could not be read at all is listed last, without a score, as far as `top_n` leaves room. It
    saves itself without the reranker: whoever loads it sets `reranker` again.
    """

    top_n: int | None = Field(default=None, ge=1, description="How many nodes to give back; all ranked, if not set.")
    keep_dropped: bool = Field(default=False, description="Give back all dropped nodes too, last and without a score.")

    _reranker: ReasoningReranker | None = PrivateAttr(default=None)

    def __init__(self, reranker: ReasoningReranker | None = None, **options: Any) -> None:
        super().__init__(**options)
        self._reranker = reranker

    @classmethod
    def class_name(cls) -> str:
        return "ReasoningRerankPostprocessor"

    @property
    def reranker(self) -> ReasoningReranker:
        """What ranks. Raises InvalidInput where it was loaded and not set again."""
        if self._reranker is None:
            raise InvalidInput("this postprocessor has no reranker: it was loaded without; set `.reranker` to one")
        return self._reranker

    @reranker.setter
    def reranker(self, reranker: ReasoningReranker) -> None:
        self._reranker = reranker

    def _postprocess_nodes(
        self, nodes: list[NodeWithScore], query_bundle: QueryBundle | None = None
    ) -> list[NodeWithScore]:
        with self._told(nodes, query_bundle) as told:
            if nodes:
                result = self.reranker.rerank(question_of(query_bundle), candidates_of(nodes), top_n=self.top_n)
                told.nodes = self._nodes(result, nodes)
        return told.nodes

    @dispatcher.span  # the mixin wraps only overrides of abstract methods
    async def _apostprocess_nodes(
        self, nodes: list[NodeWithScore], query_bundle: QueryBundle | None = None
    ) -> list[NodeWithScore]:
        with self._told(nodes, query_bundle) as told:
            if nodes:
                query = question_of(query_bundle)
                result = await self.reranker.arerank(query, candidates_of(nodes), top_n=self.top_n)
                told.nodes = self._nodes(result, nodes)
        return told.nodes

    def _nodes(self, result: Result, given: list[NodeWithScore]) -> list[NodeWithScore]:
        dropped = listed(result, keep_dropped=self.keep_dropped, top_n=self.top_n or self.reranker.top_n)
        return nodes_of(result, given, dropped)

    def _told(self, nodes: list[NodeWithScore], query: QueryBundle | None) -> AbstractContextManager[Reranking]:
        ours = self._reranker
        top_n = self.top_n or (ours and ours.top_n) or len(nodes)
        return reranking(self.callback_manager, query, nodes, top_n, ours.model_name if ours else "none")


def as_postprocessor(reranker: ReasoningReranker, **options: Any) -> ReasoningRerankPostprocessor:
    """What `ReasoningReranker.as_llama_index` gives."""
    return ReasoningRerankPostprocessor(reranker, **options)
