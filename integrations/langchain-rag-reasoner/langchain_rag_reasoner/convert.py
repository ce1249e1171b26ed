"""LangChain documents to candidates and back. Inputs are never changed: what comes back are copies."""

from collections.abc import Mapping, Sequence
from typing import Any

from langchain_core.documents import Document

from langchain_rag_reasoner.images import KEYS, image_of, looks_like_image
from rag_reasoner.results import Result
from rag_reasoner.results.notes import NOTE, dropped_note, faults_by_position, judgement_note, noted_image, noted_page
from rag_reasoner.results.scores import monotone_scores
from rag_reasoner.types import Candidate
from rag_reasoner.types import Document as Page


def candidates_of(documents: Sequence[Document]) -> list[Candidate]:
    """The documents as candidates, in their order."""
    return [Candidate(_page(document, place), place) for place, document in enumerate(documents)]


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
        title=str(metadata.get("title", "")),
    )


def _page_number(metadata: Mapping[str, Any]) -> int | None:
    """The page counted from 1. Loaders count `page` from 0 and write the printed number into `page_label`."""
    label = str(metadata.get("page_label", ""))
    if label.isascii() and label.isdigit():
        return int(label)
    if isinstance(number := metadata.get("page_number"), int):
        return number
    return number + 1 if isinstance(number := metadata.get("page"), int) else None


def documents_of(result: Result, given: Sequence[Document], *, keep_dropped: bool) -> list[Document]:
    """Copies of the ranked documents with what was found about them; then, if wanted, of those dropped."""
    faults = faults_by_position(result.faults)
    ranked = [
        _noted(given[one.candidate.position], judgement_note(one, score, faults.get(one.candidate.position, ())))
        for one, score in zip(result.ranked, monotone_scores(result), strict=True)
    ]
    dropped = [
        _noted(given[one.candidate.position], dropped_note(one, faults.get(one.candidate.position, ())))
        for one in (result.dropped if keep_dropped else ())
    ]
    return ranked + dropped


def _noted(original: Document, note: dict[str, Any]) -> Document:
    """A copy with our note, and without images that it would carry along."""
    metadata = {key: value for key, value in original.metadata.items() if key not in KEYS or _is_reference(value)}
    content = "" if looks_like_image(original.page_content) else original.page_content
    return original.model_copy(update={"page_content": content, "metadata": {**metadata, NOTE: note}})


def _is_reference(value: Any) -> bool:
    """Whether a value of metadata names an image rather than holding it."""
    return isinstance(value, str) and not looks_like_image(value)
