"""What was found about a candidate as plain values, for the metadata of a framework's documents.

References to images go in, never what they show.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from rag_reasoner.types import Citation, Dropped, Fault, Image, Judgement

NOTE = "rag_reasoner"
"""The one key of metadata that is ours."""


def judgement_note(judgement: Judgement, score: float, faults: Iterable[str] = ()) -> dict[str, Any]:
    """What was found about a ranked candidate. `score` falls with the rank."""
    document = judgement.candidate.document
    return {
        "rank": judgement.rank,
        "score": score,
        "probability": judgement.probability,
        "reasoning": judgement.reasoning,
        "reasoned_by": judgement.reasoned_by,
        "ordered_by": judgement.ordered_by,
        "page": document.page,
        "image": image_note(document.image),
        "scores": dict(judgement.candidate.scores),
        "citations": [citation_note(citation) for citation in judgement.citations],
        "faults": list(faults),
    }


def dropped_note(dropped: Dropped, faults: Iterable[str] = ()) -> dict[str, Any]:
    """Why a candidate was dropped."""
    document = dropped.candidate.document
    return {
        "rank": None,
        "score": None,
        "probability": dropped.probability,
        "dropped": dropped.reason,
        "page": document.page,
        "image": image_note(document.image),
        "faults": list(faults),
    }


def citation_note(citation: Citation) -> dict[str, Any]:
    """A citation: the quote, its offsets in the document's text, its boxes as [left, top, right, bottom] in 0..1."""
    return {
        "document_id": citation.document_id,
        "page": citation.page,
        "quote": citation.quote,
        "quote_start": citation.start,
        "quote_end": citation.end,
        "boxes": [list(box) for box in citation.boxes],
        "verified": citation.verified,
    }


def image_note(image: Image | None) -> dict[str, Any] | None:
    """Where an image is; None where it is nowhere but in memory."""
    if image is None or image.path is None:
        return None
    return {"path": image.path, "page": image.page, "media_type": image.media_type, "sha256": image.sha256}


def noted_image(metadata: Mapping[str, Any]) -> Image | None:
    """The image that a note of ours in `metadata` refers to: with it, a quote finds its place on the page."""
    note = metadata.get(NOTE)
    found = note.get("image") if isinstance(note, Mapping) else None
    if not isinstance(found, Mapping):
        return None
    return Image(found.get("path"), found.get("page"), media_type=found.get("media_type"), sha256=found.get("sha256"))


def noted_page(metadata: Mapping[str, Any]) -> int | None:
    """The page, from 1, that a note of ours in `metadata` names."""
    note = metadata.get(NOTE)
    page = note.get("page") if isinstance(note, Mapping) else None
    return page if isinstance(page, int) else None


def faults_by_position(faults: Iterable[Fault]) -> dict[int, list[str]]:
    """The kinds of the faults that touch a candidate, by its position."""
    found: dict[int, list[str]] = {}
    for fault in faults:
        if fault.position is not None:
            found.setdefault(fault.position, []).append(fault.kind)
    return found
