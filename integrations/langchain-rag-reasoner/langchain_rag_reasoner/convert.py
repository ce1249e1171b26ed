"""LangChain documents to candidates and back. Inputs are never changed: what comes back are copies."""

from collections.abc import Mapping, Sequence
from typing import Any

from langchain_core.documents import Document

from langchain_rag_reasoner.images import KEYS, image_of, is_reference, looks_like_image
from rag_reasoner import Result
from rag_reasoner.errors import InvalidInput
from rag_reasoner.results.notes import (
    NOTE,
    dropped_note,
    faults_by_position,
    judgement_note,
    listed,
    noted_hidden,
    noted_image,
    noted_page,
    noted_regions,
    noted_scores,
)
from rag_reasoner.results.scores import monotone_scores
from rag_reasoner.types import Candidate
from rag_reasoner.types import Document as Page


def candidates_of(documents: Sequence[Document]) -> list[Candidate]:
    """The documents as candidates, in their order. Raises InvalidInput for what is no document."""
    return [_candidate(document, place) for place, document in enumerate(documents)]


def _candidate(document: Document, place: int) -> Candidate:
    if not isinstance(document, Document):
        raise InvalidInput(f"document {place} is a {type(document).__name__}; give LangChain's Document")
    metadata = document.metadata
    return Candidate(_page(document, place), place, noted_scores(metadata), noted_regions(metadata))


def _page(document: Document, place: int) -> Page:
    text = "" if looks_like_image(document.page_content) else document.page_content
    metadata = document.metadata
    source = metadata.get("source")
    return Page(
        id=str(document.id or metadata.get("id") or place),
        text=text,
        image=noted_image(metadata) or image_of(document),
        source=str(source) if source else None,
        page=noted_page(metadata) or _page_number(metadata),
        title=str(metadata.get("title") or ""),
        metadata=noted_hidden(metadata, text),
    )


def _page_number(metadata: Mapping[str, Any]) -> int | None:
    """The page counted from 1. Loaders count `page` from 0 and write the printed number into `page_label`."""
    label = str(metadata.get("page_label", ""))
    if label.isascii() and label.isdigit():
        return int(label)
    if isinstance(number := metadata.get("page_number"), int):
        return number
    return number + 1 if isinstance(number := metadata.get("page"), int) else None


def documents_of(
    result: Result, given: Sequence[Document], *, keep_dropped: bool, top_n: int | None = None
) -> list[Document]:
    """Copies of the ranked documents with what was found about them; then of those that nobody could read.

    With `keep_dropped`, all that were dropped follow.
    """
    faults = faults_by_position(result.faults)
    ranked = [
        _noted(given[one.candidate.position], judgement_note(one, score, faults.get(one.candidate.position, ())))
        for one, score in zip(result.ranked, monotone_scores(result), strict=True)
    ]
    others = [
        _noted(given[one.candidate.position], dropped_note(one, faults.get(one.candidate.position, ())))
        for one in listed(result, keep_dropped=keep_dropped, top_n=top_n)
    ]
    return ranked + others


def _noted(original: Document, note: dict[str, Any]) -> Document:
    """A copy with our note, and without images that it would carry along."""
    copy = without_pictures(original)
    return copy.model_copy(update={"metadata": {**copy.metadata, NOTE: note}})


def without_pictures(original: Document) -> Document:
    """A copy that refers to images but holds none: base64 has no place in prompts, stores and traces."""
    metadata = {key: value for key, value in original.metadata.items() if key not in KEYS or is_reference(value, key)}
    content = "" if looks_like_image(original.page_content) else original.page_content
    return original.model_copy(update={"page_content": content, "metadata": metadata})
