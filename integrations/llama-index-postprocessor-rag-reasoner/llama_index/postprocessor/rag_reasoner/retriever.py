"""rag_reasoner's first stages as a LlamaIndex retriever."""

import asyncio
from typing import Any

from llama_index.core.retrievers import BaseRetriever
from llama_index.core.schema import NodeWithScore, QueryBundle, TextNode

from rag_reasoner.results.notes import NOTE, image_note
from rag_reasoner.retrieve.base import Retriever
from rag_reasoner.types import Candidate


class PageRetriever(BaseRetriever):
    """Pages found by one of rag_reasoner's first stages; a node's id is its page's: "report.pdf#p3"."""

    def __init__(self, first_stage: Retriever, k: int = 20, **options: Any) -> None:
        super().__init__(**options)
        self._first_stage, self._k = first_stage, k

    def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        return [_node(candidate) for candidate in self._first_stage.retrieve(query_bundle.query_str, self._k)]

    async def _aretrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        return await asyncio.to_thread(self._retrieve, query_bundle)


def _node(candidate: Candidate) -> NodeWithScore:
    page = candidate.document
    note = {"page": page.page, "image": image_note(page.image), "scores": dict(candidate.scores)}
    metadata = {"file_name": page.source, "page_label": str(page.page or ""), "title": page.title, NOTE: note}
    hidden = [NOTE]
    node = TextNode(
        id_=page.id,
        text=page.text,
        metadata=metadata,
        excluded_embed_metadata_keys=hidden,
        excluded_llm_metadata_keys=hidden,
    )
    return NodeWithScore(node=node, score=next(iter(candidate.scores.values()), None))
