"""LlamaIndex nodes to candidates and back. Inputs are never changed: what comes back are copies."""

import re
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

from llama_index.core.schema import BaseNode, MetadataMode, Node, NodeWithScore, QueryBundle, TextNode
from llama_index.postprocessor.rag_reasoner.images import image_of

from rag_reasoner.errors import InvalidInput
from rag_reasoner.results import Result
from rag_reasoner.results.notes import (
    NOTE,
    dropped_note,
    faults_by_position,
    judgement_note,
    noted_hidden,
    noted_image,
    noted_page,
    noted_regions,
    noted_scores,
    run_note,
)
from rag_reasoner.results.scores import monotone_scores
from rag_reasoner.types import Candidate, Document, Dropped

_NAMES = ("file_name", "source", "file_path", "url")
_PAGES = ("page_label", "page_number")
_PAGE = re.compile(r"0*([1-9][0-9]{0,6})")


def question_of(query: str | QueryBundle | None) -> str:
    """The question in words. Warns of an image in the query: rag_reasoner does not look at it."""
    if query is None:
        raise InvalidInput("nodes are ranked for a query: give query_bundle or query_str")
    if isinstance(query, str):
        return query
    if query.image_path:
        warnings.warn(f"the image of the query, {query.image_path!r}, is not looked at, only its words", stacklevel=3)
    return query.query_str


def candidates_of(nodes: Sequence[NodeWithScore]) -> list[Candidate]:
    """The nodes as candidates, in their order, each with the scores and the regions that it came with."""
    return [
        Candidate(_document(one.node), place, _scores(one), noted_regions(one.node.metadata))
        for place, one in enumerate(nodes)
    ]


def _scores(one: NodeWithScore) -> dict[str, float]:
    """Those that an earlier step of ours noted under their names; else the node's own."""
    return noted_scores(one.node.metadata) or ({} if one.score is None else {"retrieval": float(one.score)})


def _document(node: BaseNode) -> Document:
    metadata, text = node.metadata, _text(node)
    return Document(
        id=node.node_id,
        text=text,
        image=noted_image(metadata) or image_of(node),
        source=_first(metadata, _NAMES) or None,
        page=noted_page(metadata) or _page_number(_first(metadata, _PAGES)),
        title=_first(metadata, ("title",)),
        metadata=noted_hidden(metadata, text),
    )


def _text(node: BaseNode) -> str:
    """The node's own text, without its metadata. `get_content` would refuse some nodes, and add to others."""
    if isinstance(node, Node):
        return (node.text_resource.text or "") if node.text_resource else ""
    return node.text if isinstance(node, TextNode) else node.get_content(MetadataMode.NONE)


def _first(metadata: Mapping[str, Any], keys: Sequence[str]) -> str:
    """The first of these values that says something, as text."""
    return next((str(metadata[key]) for key in keys if metadata.get(key) not in (None, "")), "")


def _page_number(label: str) -> int | None:
    """The page that a label like "7" means; none for "iv" or "A-7"."""
    match = _PAGE.fullmatch(label)
    return int(match[1]) if match else None


def nodes_of(result: Result, given: Sequence[NodeWithScore], dropped: Sequence[Dropped]) -> list[NodeWithScore]:
    """Copies of the ranked nodes with what was found about them; then of those dropped, without a score."""
    faults = faults_by_position(result.faults)
    scores = monotone_scores(result)
    judged = [
        (one.candidate.position, judgement_note(one, score, faults.get(one.candidate.position, ())), score)
        for one, score in zip(result.ranked, scores, strict=True)
    ]
    left_out = [
        (one.candidate.position, dropped_note(one, faults.get(one.candidate.position, ())), None) for one in dropped
    ]
    run = run_note(result)
    return [_noted(given[position], {**note, "run": run}, score) for position, note, score in [*judged, *left_out]]


def _noted(original: NodeWithScore, note: dict[str, Any], score: float | None) -> NodeWithScore:
    """A copy with our note, which is for programs: it stays out of embeddings and prompts."""
    node = original.node
    changes = {
        "metadata": {**node.metadata, NOTE: note},
        "excluded_embed_metadata_keys": _with_ours(node.excluded_embed_metadata_keys),
        "excluded_llm_metadata_keys": _with_ours(node.excluded_llm_metadata_keys),
    }
    return NodeWithScore(node=node.model_copy(update=changes), score=score)


def _with_ours(keys: Sequence[str]) -> list[str]:
    return [*keys, *([] if NOTE in keys else [NOTE])]
