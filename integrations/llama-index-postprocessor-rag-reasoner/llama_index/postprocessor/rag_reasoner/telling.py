"""Telling the host that work starts and ends, in both of LlamaIndex's ways, whatever becomes of it.

An end is told after errors and cancellations too: listeners pair it with its start.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from llama_index.core.base.response.schema import RESPONSE_TYPE, Response
from llama_index.core.callbacks import CallbackManager, CBEventType, EventPayload
from llama_index.core.instrumentation.events.rerank import ReRankEndEvent, ReRankStartEvent
from llama_index.core.instrumentation.events.synthesis import SynthesizeEndEvent, SynthesizeStartEvent
from llama_index.core.schema import NodeWithScore, QueryBundle
from llama_index_instrumentation import get_dispatcher

dispatcher = get_dispatcher(__name__)


@dataclass
class Reranking:
    """What is told at the end of a reranking."""

    nodes: list[NodeWithScore] = field(default_factory=list)


@dataclass
class Synthesis:
    """What is told at the end of a synthesis."""

    response: RESPONSE_TYPE = field(default_factory=lambda: Response(None))


@contextmanager
def reranking(
    manager: CallbackManager, query: QueryBundle | None, nodes: list[NodeWithScore], top_n: int, model: str
) -> Iterator[Reranking]:
    """Tells of a reranking; the nodes of the end are those that the block sets."""
    told = Reranking()
    dispatcher.event(ReRankStartEvent(query=query, nodes=nodes, top_n=top_n, model_name=model))
    payload: dict[str, Any] = {
        EventPayload.NODES: nodes,
        EventPayload.MODEL_NAME: model,
        EventPayload.QUERY_STR: query.query_str if query else "",
        EventPayload.TOP_K: top_n,
    }
    try:
        with manager.event(CBEventType.RERANKING, payload=payload) as event:
            yield told
            event.on_end(payload={EventPayload.NODES: told.nodes})
    finally:
        dispatcher.event(ReRankEndEvent(nodes=told.nodes))


@contextmanager
def synthesis(manager: CallbackManager, query: str | QueryBundle) -> Iterator[Synthesis]:
    """Tells of a synthesis; the response of the end is the one that the block sets."""
    told = Synthesis()
    text = query if isinstance(query, str) else query.query_str
    dispatcher.event(SynthesizeStartEvent(query=query))
    try:
        with manager.event(CBEventType.SYNTHESIZE, payload={EventPayload.QUERY_STR: text}) as event:
            yield told
            event.on_end(payload={EventPayload.RESPONSE: told.response})
    finally:
        dispatcher.event(SynthesizeEndEvent(query=query, response=told.response))
