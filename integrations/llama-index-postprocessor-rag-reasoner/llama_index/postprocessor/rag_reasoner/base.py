"""The reranker as a node postprocessor."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from llama_index.core.bridge.pydantic import Field, PrivateAttr
from llama_index.core.callbacks import CBEventType, EventPayload
from llama_index.core.instrumentation.events.rerank import ReRankEndEvent, ReRankStartEvent
from llama_index.core.postprocessor.types import BaseNodePostprocessor
from llama_index.core.schema import NodeWithScore, QueryBundle
from llama_index.postprocessor.rag_reasoner.convert import candidates_of, nodes_of
from llama_index_instrumentation import get_dispatcher

from rag_reasoner import ReasoningReranker
from rag_reasoner.errors import InvalidInput
from rag_reasoner.results import Result

dispatcher = get_dispatcher(__name__)


@dataclass
class _Told:
    """What a rerank's end event will say."""

    nodes: list[NodeWithScore] = field(default_factory=list)


class ReasoningRerankPostprocessor(BaseNodePostprocessor):
    """Drops the clearly irrelevant nodes and ranks the rest with reasons.

    It saves itself without the reranker: whoever loads it sets `reranker` again.
    """

    top_n: int | None = Field(default=None, description="How many nodes to give back; all that are ranked, if not set.")
    keep_dropped: bool = Field(default=False, description="Give back dropped nodes too, last and without a score.")

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
                result = self.reranker.rerank(_query(query_bundle), candidates_of(nodes), top_n=self.top_n)
                told.nodes = self._nodes(result, nodes)
        return told.nodes

    @dispatcher.span  # the mixin wraps only overrides of abstract methods
    async def _apostprocess_nodes(
        self, nodes: list[NodeWithScore], query_bundle: QueryBundle | None = None
    ) -> list[NodeWithScore]:
        with self._told(nodes, query_bundle) as told:
            if nodes:
                result = await self.reranker.arerank(_query(query_bundle), candidates_of(nodes), top_n=self.top_n)
                told.nodes = self._nodes(result, nodes)
        return told.nodes

    def _nodes(self, result: Result, given: list[NodeWithScore]) -> list[NodeWithScore]:
        return nodes_of(result, given, keep_dropped=self.keep_dropped)

    @contextmanager
    def _told(self, nodes: list[NodeWithScore], query: QueryBundle | None) -> Iterator[_Told]:
        """Start and end for both kinds of listeners, whatever happens in between."""
        told = _Told()
        name = self._reranker.model_name if self._reranker else "none"
        top_n = self.top_n or len(nodes)
        dispatcher.event(ReRankStartEvent(query=query, nodes=nodes, top_n=top_n, model_name=name))
        payload: dict[str, Any] = {
            EventPayload.NODES: nodes,
            EventPayload.MODEL_NAME: name,
            EventPayload.QUERY_STR: query.query_str if query else "",
            EventPayload.TOP_K: top_n,
        }
        with self.callback_manager.event(CBEventType.RERANKING, payload=payload) as event:
            try:
                yield told
            finally:
                event.on_end(payload={EventPayload.NODES: told.nodes})
                dispatcher.event(ReRankEndEvent(nodes=told.nodes))


def _query(query: QueryBundle | None) -> str:
    if query is None:
        raise InvalidInput("nodes are ranked for a query: give query_bundle or query_str")
    return query.query_str


def as_postprocessor(reranker: ReasoningReranker, **options: Any) -> ReasoningRerankPostprocessor:
    """What `ReasoningReranker.as_llama_index` gives."""
    return ReasoningRerankPostprocessor(reranker, **options)
