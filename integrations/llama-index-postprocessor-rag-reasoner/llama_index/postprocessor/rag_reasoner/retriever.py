"""rag_reasoner's first stages as a LlamaIndex retriever."""

import asyncio
import base64
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any

from llama_index.core.retrievers import BaseRetriever
from llama_index.core.schema import ImageNode, NodeWithScore, QueryBundle, TextNode
from llama_index.postprocessor.rag_reasoner.convert import question_of

from rag_reasoner.pages.words import PDF
from rag_reasoner.results.notes import NOTE, page_note
from rag_reasoner.retrieve.base import Retriever
from rag_reasoner.types import Candidate, Document, Image


class PageRetriever(BaseRetriever):
    """Pages found by one of rag_reasoner's first stages; a node's id is its page's: "report.pdf#p3".

    An id that comes again gets a number, "~2": LlamaIndex drops nodes whose id it has seen.
    """

    def __init__(self, first_stage: Retriever, k: int = 20, **options: Any) -> None:
        super().__init__(**options)
        self._first_stage, self._k = first_stage, k

    def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        found = self._first_stage.retrieve(question_of(query_bundle), self._k)
        named = zip(_ids(found), found, _scores(found), strict=True)
        return [NodeWithScore(node=_node(name, candidate), score=score) for name, candidate, score in named]

    async def _aretrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        return await asyncio.to_thread(self._retrieve, query_bundle)


def _ids(found: Iterable[Candidate]) -> list[str]:
    seen: Counter[str] = Counter()
    names = []
    for candidate in found:
        name = candidate.document.id
        seen[name] += 1
        names.append(name if seen[name] == 1 else f"{name}~{seen[name]}")
    return names


def _scores(found: Sequence[Candidate]) -> list[float]:
    """The newest of the scores that agree with the order, as whoever sorts by them expects; else 1 / rank."""
    for name in reversed(list(found[0].scores) if found else []):
        scores = [candidate.scores.get(name, 0.0) for candidate in found]
        if all(one >= next_one for one, next_one in pairwise(scores)):
            return scores
    return [1 / rank for rank in range(1, len(found) + 1)]


def _node(name: str, candidate: Candidate) -> TextNode:
    page = candidate.document
    said = {"file_name": page.source, "page_label": page.page and str(page.page), "title": page.title}
    options: dict[str, Any] = {
        "id_": name,
        "text": page.text,
        "metadata": {**{key: value for key, value in said.items() if value}, NOTE: page_note(candidate)},
        "excluded_embed_metadata_keys": [NOTE],
        "excluded_llm_metadata_keys": [NOTE],
    }
    picture = _picture(page)
    return ImageNode(**options, **picture) if picture else TextNode(**options)


def _picture(page: Document) -> dict[str, Any]:
    """The fields of an ImageNode. A page of a PDF is no picture: its node refers to it in our note."""
    image = page.image or Image()
    if image.data is not None:
        return {"image": base64.b64encode(image.data).decode(), "image_mimetype": image.media_type}
    if image.path is not None and image.media_type != PDF:
        return {"image_path": image.path, "image_mimetype": image.media_type}
    return {"image_url": image.url, "image_mimetype": image.media_type} if image.url else {}
