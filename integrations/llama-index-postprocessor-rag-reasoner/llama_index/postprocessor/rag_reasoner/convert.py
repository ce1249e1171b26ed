"""LlamaIndex nodes to candidates and back. Inputs are never changed: what comes back are copies."""

import base64
import binascii
from collections.abc import Sequence
from typing import Any

from llama_index.core.schema import BaseNode, ImageNode, MediaResource, MetadataMode, Node, NodeWithScore, TextNode

from rag_reasoner.results import Result
from rag_reasoner.results.notes import NOTE, dropped_note, faults_by_position, judgement_note, noted_image, noted_page
from rag_reasoner.results.scores import monotone_scores
from rag_reasoner.types import Candidate, Document, Image

_PATHS = ("image_path", "file_path")
_PICTURES = (".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff")
_NAMES = ("file_name", "source", "file_path", "url")


def candidates_of(nodes: Sequence[NodeWithScore]) -> list[Candidate]:
    """The nodes as candidates, in their order, each with the score that it came with."""
    return [
        Candidate(_document(one.node), place, {} if one.score is None else {"retrieval": float(one.score)})
        for place, one in enumerate(nodes)
    ]


def _document(node: BaseNode) -> Document:
    metadata = node.metadata
    source = next((str(metadata[name]) for name in _NAMES if metadata.get(name)), None)
    return Document(
        id=node.node_id,
        text=_text(node),
        image=noted_image(metadata) or _image(node),
        source=source,
        page=noted_page(metadata) or _page_number(metadata.get("page_label", metadata.get("page_number"))),
        title=str(metadata.get("title", "")),
    )


def _text(node: BaseNode) -> str:
    """The node's own text, without its metadata. `get_content` would refuse some nodes, and add to others."""
    if isinstance(node, Node):
        return (node.text_resource.text or "") if node.text_resource else ""
    return node.text if isinstance(node, TextNode) else node.get_content(MetadataMode.NONE)


def _page_number(label: Any) -> int | None:
    return int(label) if str(label).isascii() and str(label).isdigit() else None


def _image(node: BaseNode) -> Image | None:
    """The node's image, where it is or as bytes; nothing is read or fetched here."""
    if isinstance(node, Node) and node.image_resource:
        return _from_resource(node.image_resource)
    if isinstance(node, ImageNode):
        return _from_image_node(node)
    path = next((str(node.metadata[name]) for name in _PATHS if node.metadata.get(name)), "")
    return Image(path=path) if path.lower().endswith(_PICTURES) else None


def _from_resource(resource: MediaResource) -> Image | None:
    if resource.data:
        return _from_base64(resource.data, resource.mimetype)
    if resource.path:
        return Image(path=str(resource.path), media_type=resource.mimetype)
    return Image(url=str(resource.url)) if resource.url else None


def _from_image_node(node: ImageNode) -> Image | None:
    if node.image:
        return _from_base64(node.image, node.image_mimetype)
    if node.image_path:
        return Image(path=node.image_path, media_type=node.image_mimetype)
    return Image(url=str(node.image_url)) if node.image_url else None


def _from_base64(data: str | bytes, media_type: str | None) -> Image:
    """Bytes as they are where they are not base64: the decoder will say what is wrong with them."""
    raw = data.encode() if isinstance(data, str) else data
    try:
        return Image(data=base64.b64decode(raw, validate=True), media_type=media_type)
    except binascii.Error:
        return Image(data=raw, media_type=media_type)


def nodes_of(result: Result, given: Sequence[NodeWithScore], *, keep_dropped: bool) -> list[NodeWithScore]:
    """Copies of the ranked nodes with what was found about them; then, if wanted, of those dropped, without a score."""
    faults = faults_by_position(result.faults)
    ranked = [
        _noted(given[one.candidate.position], judgement_note(one, score, faults.get(one.candidate.position, ())), score)
        for one, score in zip(result.ranked, monotone_scores(result), strict=True)
    ]
    dropped = [
        _noted(given[one.candidate.position], dropped_note(one, faults.get(one.candidate.position, ())), None)
        for one in (result.dropped if keep_dropped else ())
    ]
    return ranked + dropped


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
