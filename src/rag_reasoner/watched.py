"""Runs told as spans: one for the whole, and one for every time a model is asked, by the name of its stage."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from rag_reasoner.results import Result
from rag_reasoner.results.scores import monotone_scores
from rag_reasoner.stages.steps import Replies
from rag_reasoner.telemetry import (
    COMPLETION_TOKENS,
    INPUT_DOCUMENTS,
    MODEL,
    OUTPUT_DOCUMENTS,
    PROMPT_TOKENS,
    RERANKER_MODEL,
    TOP_K,
    TOTAL_TOKENS,
    Value,
    listed,
    span,
)
from rag_reasoner.types import Candidate, Usage


@contextmanager
def ranking(
    name: str, model: str, candidates: Sequence[Candidate], top_n: int | None
) -> Iterator[Callable[[Result], None]]:
    """A span around a whole run; what is yielded is to be told the result."""
    with span(name, "RERANKER") as told:
        told.note(lambda: _given(model, candidates, top_n))
        yield lambda result: told.note(lambda: _found(result))


@contextmanager
def ranking_many(model: str, queries: int) -> Iterator[None]:
    """A span around many runs in lockstep; the documents of one are not told from those of another."""
    with span("rerank_many", "RERANKER") as told:
        told.note(lambda: {RERANKER_MODEL: model, "rag_reasoner.queries": queries})
        yield


@contextmanager
def asking(stage: str, tasks: int, model: str) -> Iterator[Callable[[Replies], None]]:
    """A span around one call of a model; what is yielded is to be told the replies."""
    with span(stage, "LLM") as told:
        told.note(lambda: {MODEL: model, "rag_reasoner.stage": stage, "rag_reasoner.tasks": tasks})

        def replied(replies: Replies) -> None:
            told.note(lambda: _replied(replies))
            if kinds := _fault_kinds(replies):
                told.failed(kinds[0])

        yield replied


def _given(model: str, candidates: Sequence[Candidate], top_n: int | None) -> dict[str, Value]:
    attributes: dict[str, Value] = listed(INPUT_DOCUMENTS, ((one.document.id, None) for one in candidates))
    attributes |= {RERANKER_MODEL: model, "rag_reasoner.candidates": len(candidates)}
    return attributes if top_n is None else {**attributes, TOP_K: top_n}


def _found(result: Result) -> dict[str, Value]:
    ids = [judgement.candidate.document.id for judgement in result.ranked]
    attributes: dict[str, Value] = listed(OUTPUT_DOCUMENTS, zip(ids, monotone_scores(result), strict=True))
    attributes |= {
        "rag_reasoner.ranked": len(result.ranked),
        "rag_reasoner.dropped": len(result.dropped),
        "rag_reasoner.degraded": result.degraded,
        "rag_reasoner.faults": sorted({fault.kind for fault in result.faults}),
        "rag_reasoner.calls": result.usage.calls,
    }
    if result.answer:
        attributes["rag_reasoner.answer.abstained"] = result.answer.abstained
        attributes["rag_reasoner.answer.citations"] = len(result.answer.citations)
    return attributes


def _replied(replies: Replies) -> dict[str, Value]:
    usage = sum((reply.usage for reply in replies), Usage())
    return {
        PROMPT_TOKENS: usage.prompt_tokens,
        COMPLETION_TOKENS: usage.completion_tokens,
        TOTAL_TOKENS: usage.tokens,
        "rag_reasoner.failed_tasks": sum(1 for reply in replies if reply.fault),
    }


def _fault_kinds(replies: Replies) -> list[str]:
    return sorted({reply.fault.kind for reply in replies if reply.fault})
