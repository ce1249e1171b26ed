"""Reasons and answers without a model: the sentence that shares most with the query. Always labelled as such."""

from collections.abc import Sequence

from rag_reasoner.boxes import boxes_of
from rag_reasoner.tasks.statement import ABSTENTION
from rag_reasoner.types import Answer, Candidate, Citation, Judgement, Verified
from rag_reasoner.words import best_sentence, terms

EXTRACTIVE = "extractive"
"""Names what made a reason or an answer that no model stated."""

LEAST_OVERLAP = 0.4
"""An extractive answer must share this much of the query's weight of words with its sentence; else it abstains."""

_MOST_NAMED = 6


def reason(query: str, candidate: Candidate) -> tuple[str, tuple[Citation, ...]]:
    """Which of the query's words the document has, and the sentence that has most of them."""
    text = candidate.document.text
    if seen := sighted(candidate):
        return "has no text; found by what it looks like", seen
    best = best_sentence(query, text)
    if best is None:
        return "shares no word with the question", ()
    (start, end), _ = best
    shared = [word for word in dict.fromkeys(terms(query)) if word in terms(text[start:end])]
    return f"a sentence with {_named(shared)}", (cite(candidate, start, end, "exact"),)


def _named(words: Sequence[str]) -> str:
    more = ", …" if len(words) > _MOST_NAMED else ""
    return ", ".join(f"“{word}”" for word in words[:_MOST_NAMED]) + more


def cite(candidate: Candidate, start: int, end: int, verified: Verified) -> Citation:
    """The citation of `document.text[start:end]`, with its boxes on the page."""
    document = candidate.document
    hidden = any(left < end and start < right for left, right in document.metadata.get("hidden_text", ()))
    return Citation(
        document_id=document.id,
        page=document.page,
        quote=document.text[start:end],
        start=start,
        end=end,
        boxes=boxes_of(document.words, start, end),
        verified=verified,
        position=candidate.position,
        hidden=hidden,
    )


def sighted(candidate: Candidate) -> tuple[Citation, ...]:
    """Of a page without text, where a visual first stage saw what was asked for: a citation without a quote."""
    return (unverified(candidate, ""),) if candidate.regions and not candidate.document.text.strip() else ()


def unverified(candidate: Candidate, quote: str) -> Citation:
    """The citation of a quote that was not found: of a page without text, with the regions to look at."""
    document = candidate.document
    boxes = () if document.text.strip() else candidate.regions
    return Citation(document.id, document.page, quote, boxes=boxes, position=candidate.position)


def answer(query: str, ranked: Sequence[Judgement], among: int = 3) -> Answer:
    """The best sentence of the first documents, with the mark of its document's rank; else an abstention."""
    best = None
    for judgement in ranked[:among]:
        found = best_sentence(query, judgement.candidate.document.text)
        if found and found[1] >= LEAST_OVERLAP and (best is None or found[1] > best[0]):
            best = (found[1], judgement, found[0])
    if best is None:
        return Answer(ABSTENTION, abstained=True, answered_by=EXTRACTIVE)
    _, judgement, (start, end) = best
    citation = cite(judgement.candidate, start, end, "exact")
    text = " ".join(citation.quote.split())
    return Answer(f"{text} [{judgement.rank}]", (citation,), answered_by=EXTRACTIVE)
