"""What was found about a candidate as plain values, for the metadata of a framework's documents.

References to images go in, never what they show.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from rag_reasoner.results.result import Result
from rag_reasoner.types import Box, Candidate, Citation, Dropped, Fault, Image, Judgement

NOTE = "rag_reasoner"
"""The one key of metadata that is ours."""

UNREAD = frozenset({"empty", "image_unread", "image_unseen"})
"""Faults of a candidate that nobody could read: nothing speaks for it, but nothing against it either."""


def judgement_note(judgement: Judgement, score: float, faults: Iterable[str] = ()) -> dict[str, Any]:
    """What was found about a ranked candidate. `score` falls with the rank."""
    return {
        "rank": judgement.rank,
        "score": score,
        "probability": judgement.probability,
        "reasoning": judgement.reasoning,
        "reasoned_by": judgement.reasoned_by,
        "ordered_by": judgement.ordered_by,
        **page_note(judgement.candidate),
        "citations": [citation_note(citation) for citation in judgement.citations],
        "faults": list(faults),
    }


def dropped_note(dropped: Dropped, faults: Iterable[str] = ()) -> dict[str, Any]:
    """Why a candidate was dropped."""
    return {
        "rank": None,
        "score": None,
        "probability": dropped.probability,
        "dropped": dropped.reason,
        **page_note(dropped.candidate),
        "faults": list(faults),
    }


def page_note(candidate: Candidate) -> dict[str, Any]:
    """What a framework's document cannot say of a page by itself, so that the next step of ours knows it too."""
    document = candidate.document
    return {
        "page": document.page,
        "image": image_note(document.image),
        "scores": dict(candidate.scores),
        "regions": [list(box) for box in candidate.regions],
        "characters": len(document.text),
        "hidden_text": [list(span) for span in document.metadata.get("hidden_text", ())],
    }


def run_note(result: Result) -> dict[str, Any]:
    """What was found about the run as a whole."""
    faults = [fault.kind for fault in result.faults if fault.position is None]
    return {"model": result.model, "degraded": result.degraded, "faults": faults}


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


def noted_scores(metadata: Mapping[str, Any]) -> dict[str, float]:
    """The scores that a note of ours in `metadata` holds, each under the name of what gave it."""
    note = metadata.get(NOTE)
    scores = note.get("scores") if isinstance(note, Mapping) else None
    return dict(scores) if isinstance(scores, Mapping) else {}


def noted_regions(metadata: Mapping[str, Any]) -> tuple[Box, ...]:
    """The regions of the page that a note of ours in `metadata` holds."""
    note = metadata.get(NOTE)
    regions = note.get("regions") if isinstance(note, Mapping) else None
    return tuple(Box(*box) for box in regions) if regions else ()


def noted_hidden(metadata: Mapping[str, Any], text: str) -> dict[str, Any]:
    """Metadata with the spans of hidden text, where a note of ours in `metadata` has some and `text` is still whole."""
    note = metadata.get(NOTE)
    spans = note.get("hidden_text") if isinstance(note, Mapping) and note.get("characters") == len(text) else ()
    return {"hidden_text": tuple((start, end) for start, end in spans)} if spans else {}


def listed(result: Result, *, keep_dropped: bool, top_n: int | None = None) -> tuple[Dropped, ...]:
    """The dropped to list after the ranked: all, if wanted; else those that nobody could read, if there is room."""
    if keep_dropped:
        return result.dropped
    faults = faults_by_position(result.faults)
    unread = [one for one in result.dropped if UNREAD.intersection(faults.get(one.candidate.position, ()))]
    return tuple(unread if top_n is None else unread[: max(top_n - len(result.ranked), 0)])


def faults_by_position(faults: Iterable[Fault]) -> dict[int, list[str]]:
    """The kinds of the faults that touch a candidate, by its position."""
    found: dict[int, list[str]] = {}
    for fault in faults:
        if fault.position is not None:
            found.setdefault(fault.position, []).append(fault.kind)
    return found
