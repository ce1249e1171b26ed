"""Our citations as LangChain's v1 `citation` annotations."""

import re

from langchain_core.messages.content import Citation as Annotation

from rag_reasoner import Document, Result
from rag_reasoner.results.notes import citation_note
from rag_reasoner.types import Answer, Citation, Dropped, Judgement

_MARK = re.compile(r"\[\s*+([0-9]++(?:\s*+[,;]\s*+[0-9]++)*+)\s*+\]")


def annotations(result: Result, answer: Answer) -> list[Annotation]:
    """An annotation for each citation: the indices of its mark in the answer; in the extras, its place on the page."""
    ranks = {one.candidate.position: one.rank for one in result.ranked}
    every: tuple[Judgement | Dropped, ...] = (*result.ranked, *result.dropped)
    pages = {one.candidate.position: one.candidate.document for one in every}
    marks = _marks(answer.text)
    return [
        _annotation(citation, pages[citation.position], marks.get(ranks.get(citation.position, 0)))
        for citation in answer.citations
    ]


def _annotation(citation: Citation, page: Document, mark: tuple[int, int] | None) -> Annotation:
    found: Annotation = {"type": "citation", "cited_text": citation.quote, "extras": citation_note(citation)}
    if title := page.title or page.source:
        found["title"] = title
    if page.source and page.source.lower().startswith(("http://", "https://")):
        found["url"] = page.source
    if mark:
        found["start_index"], found["end_index"] = mark
    return found


def _marks(text: str) -> dict[int, tuple[int, int]]:
    """Where each rank is first cited in an answer."""
    found: dict[int, tuple[int, int]] = {}
    for mark in _MARK.finditer(text):
        for number in re.split(r"[,;]", mark[1]):
            found.setdefault(int(number), mark.span())
    return found
