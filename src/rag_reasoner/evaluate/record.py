"""What one question's run left behind: enough to compute every figure again without the model."""

from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict

from rag_reasoner.evaluate.row import Row
from rag_reasoner.metrics.citations import SourcesBy, predicted_sources
from rag_reasoner.results import Result
from rag_reasoner.stages.extract import EXTRACTIVE
from rag_reasoner.tasks.statement import remark
from rag_reasoner.types import Dropped, Judgement, Verified

UNASKED = "unasked"
"""The fault of a question that could not be put to the model: it was empty, or longer than the context."""


_LISTWISE = frozenset({"rank", "answer"})
"""The stages in which a model writes."""


@dataclass(frozen=True, slots=True)
class Sources:
    """Which documents an answer is taken to rest on: those it cites, or those with a P(relevant) above `threshold`."""

    by: SourcesBy = "citations"
    threshold: float = 0.5


class Record(BaseModel):
    """One line of a run's `records.jsonl`. Nothing in it depends on the clock: a resumed run writes the same lines.

    `order` has every candidate that the first stage gave, the ranked before the dropped; `kept` of them were ranked.
    `sources` is None where nothing could predict any: by citations, without an answer. `verified` is of the model's own
    quotes, not of those that stand in for them. `listwise`: the model was asked to write.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    group: str
    order: tuple[str, ...]
    kept: int
    probabilities: dict[str, float | None]
    relevant: dict[str, float]
    answers: tuple[str, ...]
    gold: dict[str, Any]
    answer: str | None = None
    abstained: bool = False
    answered_by: str = ""
    cited: tuple[str, ...] = ()
    sources: tuple[str, ...] | None = None
    verified: tuple[Verified, ...] = ()
    listwise: bool = False
    faults: tuple[str, ...] = ()
    degraded: bool = False
    calls: int = 0
    read: int = 0
    written: int = 0


def record(row: Row, result: Result, sources: Sources) -> Record:
    """The record of a row's result. The answer's marks are taken out of it: metrics compare words."""
    answer = result.answer
    judged: list[Judgement | Dropped] = [*result.ranked, *result.dropped]
    cited = tuple(dict.fromkeys(citation.document_id for citation in answer.citations)) if answer else ()
    probabilities = {one.candidate.document.id: one.probability for one in judged}
    unknown = answer is None and sources.by == "citations"
    return Record(
        id=row.id,
        group=row.group,
        order=tuple(probabilities),
        kept=len({one.candidate.document.id for one in result.ranked}),
        probabilities=probabilities,
        relevant=dict(row.relevant),
        answers=row.answers,
        gold=dict(row.gold),
        answer=None if answer is None else "" if answer.abstained else remark(answer.text, {}),
        abstained=bool(answer and answer.abstained),
        answered_by=answer.answered_by if answer else "",
        cited=cited,
        sources=None if unknown else tuple(_predicted(cited, probabilities, sources)),
        verified=_verified(result),
        listwise=not _LISTWISE.isdisjoint(result.timings),
        faults=tuple(sorted({fault.kind for fault in result.faults})),
        degraded=result.degraded,
        calls=result.usage.calls,
        read=result.usage.prompt_tokens,
        written=result.usage.completion_tokens,
    )


def _verified(result: Result) -> tuple[Verified, ...]:
    own = (one for one in result.ranked if one.reasoned_by != EXTRACTIVE)
    return tuple(citation.verified for one in own for citation in one.citations)


def _predicted(cited: tuple[str, ...], probabilities: dict[str, float | None], sources: Sources) -> list[str]:
    return predicted_sources(cited, probabilities, by=sources.by, threshold=sources.threshold)


def silent(row: Row) -> Record:
    """The record of a question that could not be asked: no order and an empty answer, so that it scores 0."""
    return Record(
        id=row.id,
        group=row.group,
        order=(),
        kept=0,
        probabilities={},
        relevant=dict(row.relevant),
        answers=row.answers,
        gold=dict(row.gold),
        answer="",
        sources=(),
        faults=(UNASKED,),
        degraded=True,
    )
