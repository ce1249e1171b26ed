"""Our answer in place of a language model's: grounded, with citations that were looked up."""

from collections.abc import Sequence
from typing import Any

from llama_index.core.base.response.schema import Response
from llama_index.core.callbacks import CBEventType, EventPayload
from llama_index.core.instrumentation.events.synthesis import SynthesizeEndEvent, SynthesizeStartEvent
from llama_index.core.llms import MockLLM
from llama_index.core.response_synthesizers import BaseSynthesizer
from llama_index.core.schema import NodeWithScore, QueryBundle, TextNode
from llama_index.core.types import RESPONSE_TEXT_TYPE
from llama_index.postprocessor.rag_reasoner.convert import candidates_of, nodes_of
from llama_index_instrumentation import get_dispatcher

from rag_reasoner import ReasoningReranker
from rag_reasoner.results import Result
from rag_reasoner.results.notes import NOTE, citation_note

dispatcher = get_dispatcher(__name__)


class GroundedSynthesizer(BaseSynthesizer):
    """Ranks the nodes and answers from them.

    `Response.source_nodes` are the ranked nodes; `Response.metadata` has each node's metadata by id, as usual, and
    under "rag_reasoner" the answer's citations (page, quote, boxes), whether it abstained, what answered, and faults.
    """

    def __init__(self, reranker: ReasoningReranker, *, top_n: int | None = None, **options: Any) -> None:
        # The base class wants a language model. None is asked here.
        super().__init__(**{"llm": MockLLM(), **options})
        self._reranker, self._top_n = reranker, top_n

    def _get_prompts(self) -> dict[str, Any]:
        return {}

    def _update_prompts(self, prompts: dict[str, Any]) -> None:
        """There are none to update."""

    def synthesize(
        self,
        query: str | QueryBundle,
        nodes: list[NodeWithScore],
        additional_source_nodes: Sequence[NodeWithScore] | None = None,
        **response_kwargs: Any,
    ) -> Response:
        """The answer to `query` from `nodes`."""
        asked = _text(query)
        dispatcher.event(SynthesizeStartEvent(query=query))
        with self._callback_manager.event(CBEventType.SYNTHESIZE, payload={EventPayload.QUERY_STR: asked}) as event:
            result = self._reranker.answer(asked, candidates_of(nodes), top_n=self._top_n)
            response = _response(result, nodes, additional_source_nodes or ())
            event.on_end(payload={EventPayload.RESPONSE: response})
        dispatcher.event(SynthesizeEndEvent(query=query, response=response))
        return response

    async def asynthesize(
        self,
        query: str | QueryBundle,
        nodes: list[NodeWithScore],
        additional_source_nodes: Sequence[NodeWithScore] | None = None,
        **response_kwargs: Any,
    ) -> Response:
        """`synthesize`, awaited."""
        asked = _text(query)
        dispatcher.event(SynthesizeStartEvent(query=query))
        with self._callback_manager.event(CBEventType.SYNTHESIZE, payload={EventPayload.QUERY_STR: asked}) as event:
            result = await self._reranker.aanswer(asked, candidates_of(nodes), top_n=self._top_n)
            response = _response(result, nodes, additional_source_nodes or ())
            event.on_end(payload={EventPayload.RESPONSE: response})
        dispatcher.event(SynthesizeEndEvent(query=query, response=response))
        return response

    def get_response(self, query_str: str, text_chunks: Sequence[str], **response_kwargs: Any) -> RESPONSE_TEXT_TYPE:
        """The answer's text from bare chunks of text."""
        return str(self.synthesize(query_str, _nodes(text_chunks)))

    async def aget_response(
        self, query_str: str, text_chunks: Sequence[str], **response_kwargs: Any
    ) -> RESPONSE_TEXT_TYPE:
        """`get_response`, awaited."""
        return str(await self.asynthesize(query_str, _nodes(text_chunks)))


def _text(query: str | QueryBundle) -> str:
    return query if isinstance(query, str) else query.query_str


def _nodes(text_chunks: Sequence[str]) -> list[NodeWithScore]:
    return [NodeWithScore(node=TextNode(text=chunk)) for chunk in text_chunks]


def _response(result: Result, given: Sequence[NodeWithScore], additional: Sequence[NodeWithScore]) -> Response:
    answer = result.answer
    sources = [*nodes_of(result, given, keep_dropped=False), *additional]
    about = {
        "citations": [citation_note(citation) for citation in answer.citations] if answer else [],
        "abstained": answer.abstained if answer else True,
        "answered_by": answer.answered_by if answer else "",
        "degraded": result.degraded,
        "faults": [fault.kind for fault in result.faults],
    }
    metadata = {one.node.node_id: one.node.metadata for one in sources}
    return Response(answer.text if answer else "", source_nodes=sources, metadata={**metadata, NOTE: about})
