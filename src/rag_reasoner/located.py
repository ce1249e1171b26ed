"""From an outcome to a result, with boxes for the quotes that were found. Only cited pages have their words read."""

from collections.abc import Callable, Mapping
from dataclasses import replace

from rag_reasoner.boxes import boxes_of
from rag_reasoner.errors import RagReasonerError
from rag_reasoner.pages import with_words
from rag_reasoner.results import Result
from rag_reasoner.stages.pipeline import Outcome
from rag_reasoner.types import Citation, Document, Dropped, Judgement, Usage, Word

Words = Callable[[Document], tuple[Word, ...]]


def result_of(query: str, outcome: Outcome, usage: Usage, timings: Mapping[str, float], model: str) -> Result:
    """What a run gives back: its outcome, located, and the account of what it took."""
    outcome = located(outcome)
    return Result(
        query,
        outcome.ranked,
        outcome.dropped,
        outcome.answer,
        outcome.faults,
        outcome.degraded,
        usage + Usage(cut_documents=outcome.cut),
        timings,
        outcome.agreement,
        model,
    )


def located(outcome: Outcome) -> Outcome:
    """The outcome with the boxes of every verified quote whose page can tell where its words stand."""
    every: tuple[Judgement | Dropped, ...] = (*outcome.ranked, *outcome.dropped)
    documents = {one.candidate.position: one.candidate.document for one in every}
    words: dict[int, tuple[Word, ...]] = {}

    def boxed(citation: Citation) -> Citation:
        start, end, position = citation.start, citation.end, citation.position
        if citation.boxes or start is None or end is None or position not in documents:
            return citation
        if position not in words:
            words[position] = _words(documents[position])
        return replace(citation, boxes=boxes_of(words[position], start, end))

    answer = outcome.answer
    return replace(
        outcome,
        ranked=tuple(_with(judgement, boxed) for judgement in outcome.ranked),
        answer=replace(answer, citations=tuple(map(boxed, answer.citations))) if answer else None,
    )


def _with(judgement: Judgement, boxed: Callable[[Citation], Citation]) -> Judgement:
    return replace(judgement, citations=tuple(map(boxed, judgement.citations)))


def _words(document: Document) -> tuple[Word, ...]:
    """The words of a page; none where there is no page, or its file has gone since it was read."""
    try:
        return with_words(document).words
    except RagReasonerError:
        return ()
