"""LangChain documents to candidates and back. Inputs are never changed: what comes back are copies."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from langchain_core.documents import Document

from langchain_rag_reasoner.images import KEYS, image_of, looks_like_image
from rag_reasoner.results import Result
from rag_reasoner.results.scores import monotone_scores
from rag_reasoner.types import Candidate, Citation, Dropped, Fault, Image, Judgement
from rag_reasoner.types import Document as Page

NOTE = "rag_reasoner"
"""The one key of metadata that is ours."""

_PAGES = ("page_label", "page", "page_number")


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
        image=_referred(metadata) or image_of(document),
        source=str(source) if source else None,
        page=_page_number(metadata),
        title=str(metadata.get("title", "")),
    )


def reference(image: Image | None) -> dict[str, Any] | None:
    """An image as plain values: where it is, never what it shows."""
    if image is None or image.path is None:
        return None
    return {"path": image.path, "page": image.page, "media_type": image.media_type, "sha256": image.sha256}


def _referred(metadata: Mapping[str, Any]) -> Image | None:
    """The image that an earlier step of ours left a reference to: with it, a quote finds its place on the page."""
    own = metadata.get(NOTE)
    found = own.get("image") if isinstance(own, Mapping) else None
    return Image(**found) if isinstance(found, Mapping) else None


def _page_number(metadata: Mapping[str, Any]) -> int | None:
    """The page counted from 1. Loaders count `page` from 0 and write the printed number into `page_label`."""
    own = metadata.get(NOTE)
    if isinstance(own, Mapping) and isinstance(own.get("page"), int):
        return int(own["page"])
    label = str(metadata.get("page_label", ""))
    if label.isascii() and label.isdigit():
        return int(label)
    if isinstance(number := metadata.get("page_number"), int):
        return number
    return number + 1 if isinstance(number := metadata.get("page"), int) else None


def documents_of(result: Result, given: Sequence[Document], *, keep_dropped: bool) -> list[Document]:
    """Copies of the ranked documents with what was found about them; then, if wanted, of those dropped."""
    scores = monotone_scores(result)
    faults = _by_position(result.faults)
    ranked = [
        _noted(given, one.candidate, {**judgement_note(one), "score": score}, faults)
        for one, score in zip(result.ranked, scores, strict=True)
    ]
    dropped = result.dropped if keep_dropped else ()
    return ranked + [_noted(given, one.candidate, dropped_note(one), faults) for one in dropped]


def _noted(
    given: Sequence[Document], candidate: Candidate, note: dict[str, Any], faults: Mapping[int, list[str]]
) -> Document:
    original = given[candidate.position]
    note = {**note, "faults": faults.get(candidate.position, [])}
    metadata = {key: value for key, value in original.metadata.items() if key not in KEYS or _is_reference(value)}
    content = "" if looks_like_image(original.page_content) else original.page_content
    return original.model_copy(update={"page_content": content, "metadata": {**metadata, NOTE: note}})


def _is_reference(value: Any) -> bool:
    """Whether a value of metadata names an image rather than holding it."""
    return isinstance(value, str) and not looks_like_image(value)


def _by_position(faults: Iterable[Fault]) -> dict[int, list[str]]:
    found: dict[int, list[str]] = {}
    for fault in faults:
        if fault.position is not None:
            found.setdefault(fault.position, []).append(fault.kind)
    return found


def judgement_note(judgement: Judgement) -> dict[str, Any]:
    """What was found about a ranked document, as plain values."""
    return {
        "rank": judgement.rank,
        "probability": judgement.probability,
        "reasoning": judgement.reasoning,
        "reasoned_by": judgement.reasoned_by,
        "ordered_by": judgement.ordered_by,
        "page": judgement.candidate.document.page,
        "image": reference(judgement.candidate.document.image),
        "scores": dict(judgement.candidate.scores),
        "citations": [citation_note(citation) for citation in judgement.citations],
    }


def dropped_note(dropped: Dropped) -> dict[str, Any]:
    """Why a document was dropped, as plain values."""
    return {"rank": None, "score": None, "probability": dropped.probability, "dropped": dropped.reason}


def citation_note(citation: Citation) -> dict[str, Any]:
    """A citation as plain values."""
    return {
        "document_id": citation.document_id,
        "page": citation.page,
        "quote": citation.quote,
        "quote_start": citation.start,
        "quote_end": citation.end,
        "boxes": [list(box) for box in citation.boxes],
        "verified": citation.verified,
    }
