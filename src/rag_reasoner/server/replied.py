"""What clients get back: scores and indices as Cohere's and Jina's clients read them, and what else we know beside."""

from collections.abc import Iterator, Sequence
from typing import Annotated, Any
from uuid import uuid4

from pydantic import BaseModel, BeforeValidator, Field

from rag_reasoner.results import Result
from rag_reasoner.results.scores import falling
from rag_reasoner.server.asked import Asked, AskedDocument
from rag_reasoner.types import FAULTS, Citation, Dropped, Fault, Judgement, Usage

_TOLD_WHOLE = frozenset(FAULTS) - {"backend_error", "unread", "outdated"}
"""Kinds of faults whose details are told; those of others may name a server or a file."""


Words = Annotated[str, BeforeValidator(lambda text: text.encode("utf-8", "replace").decode("utf-8"))]
"""Text that a model may have written: half a surrogate pair, which no JSON can hold, becomes a question mark."""


class Cited(BaseModel):
    """A quote, looked up. Offsets count characters of the document's text; boxes are fractions of its page."""

    index: int
    document_id: str
    page: int | None
    quote: Words
    start: int | None
    end: int | None
    boxes: list[tuple[float, float, float, float]]
    verified: str = Field(description="exact, normalised, or none")
    hidden: bool


class Ranked(BaseModel):
    """A document's place. Those that were dropped come after those that were ranked, and say why."""

    index: int
    relevance_score: float = Field(description="0..1, falling with the rank; `probability` is the model's own")
    document: dict[str, Any] | None = None
    rank: int | None
    probability: float | None
    dropped: bool
    reason: str | None = Field(default=None, description="why it was dropped")
    reasoning: Words = ""
    reasoned_by: str = ""
    ordered_by: str = ""
    citations: list[Cited] = []


class Told(BaseModel):
    """Something that went wrong, and for which document."""

    kind: str
    meaning: str
    detail: Words
    index: int | None


class Left(BaseModel):
    """A document that was dropped, and why."""

    index: int
    probability: float | None
    reason: str


class Spent(BaseModel):
    """What the request cost."""

    calls: int
    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    images: int
    cut_documents: int


class Account(BaseModel):
    """How far the order can be trusted. `degraded`: it is not wholly a trained model's own."""

    model: str
    degraded: bool
    ordered_by: list[str]
    agreement: float | None
    faults: list[Told]
    dropped: list[Left]
    usage: Spent
    timings: dict[str, float]


class Version(BaseModel):
    version: str


class Tokens(BaseModel):
    input_tokens: int
    output_tokens: int


class Meta(BaseModel):
    """What Cohere's clients look for. `warnings` name the fields that were given and changed nothing."""

    api_version: Version
    tokens: Tokens
    warnings: list[str] = []


class RerankReply(BaseModel):
    """The documents, best first."""

    id: str
    model: str
    results: list[Ranked]
    usage: Spent
    meta: Meta
    rag_reasoner: Account


class Said(BaseModel):
    """The answer. `[n]` in its text is the rank of a document. `abstained`: the documents do not say."""

    text: Words
    abstained: bool
    answered_by: str
    citations: list[Cited]


class AnswerReply(BaseModel):
    """An answer, and the documents it was taken from, best first."""

    id: str
    model: str
    answer: Said
    results: list[Ranked]
    usage: Spent
    meta: Meta
    rag_reasoner: Account


class ErrorReply(BaseModel):
    """What was wrong: a sentence for people, and a kind for programs."""

    message: str
    error: str


def rerank_reply(asked: Asked, result: Result, version: str) -> RerankReply:
    return RerankReply(**_common(asked, result, version))


def answer_reply(asked: Asked, result: Result, version: str) -> AnswerReply:
    said = result.answer
    assert said is not None
    answer = Said(
        text=said.text, abstained=said.abstained, answered_by=said.answered_by, citations=_cited(said.citations)
    )
    return AnswerReply(answer=answer, **_common(asked, result, version))


def _common(asked: Asked, result: Result, version: str) -> dict[str, Any]:
    spent = _spent(result.usage)
    return {
        "id": str(uuid4()),
        "model": result.model,
        "results": list(_results(asked, result))[: asked.top_n],
        "usage": spent,
        "meta": Meta(
            api_version=Version(version=version),
            tokens=Tokens(input_tokens=spent.prompt_tokens, output_tokens=spent.completion_tokens),
            warnings=list(_warnings(asked, result.model)),
        ),
        "rag_reasoner": _account(result, spent),
    }


def _results(asked: Asked, result: Result) -> Iterator[Ranked]:
    """Every document once: those ranked in their order, then those dropped, the likeliest first."""
    dropped = sorted(result.dropped, key=lambda one: -(one.probability or 0))
    wanted = [1 / one.rank if one.probability is None else one.probability for one in result.ranked]
    scores = falling([*wanted, *(one.probability or 0 for one in dropped)])
    every: tuple[Judgement | Dropped, ...] = (*result.ranked, *dropped)
    for one, score in zip(every, scores, strict=True):
        yield _ranked(asked, one, score)


def _ranked(asked: Asked, one: Judgement | Dropped, score: float) -> Ranked:
    place = one.candidate.position
    found: dict[str, Any] = {"index": place, "relevance_score": score, "probability": one.probability}
    if asked.return_documents:
        found["document"] = _returned(asked.documents[place])
    if isinstance(one, Dropped):
        return Ranked(**found, rank=None, dropped=True, reason=one.reason)
    return Ranked(
        **found,
        rank=one.rank,
        dropped=False,
        reasoning=one.reasoning,
        reasoned_by=one.reasoned_by,
        ordered_by=one.ordered_by,
        citations=_cited(one.citations),
    )


def _returned(given: str | AskedDocument) -> dict[str, Any]:
    return {"text": given} if isinstance(given, str) else given.returned()


def _cited(citations: Sequence[Citation]) -> list[Cited]:
    return [
        Cited(
            index=one.position,
            document_id=one.document_id,
            page=one.page,
            quote=one.quote,
            start=one.start,
            end=one.end,
            boxes=list(one.boxes),
            verified=one.verified,
            hidden=one.hidden,
        )
        for one in citations
    ]


def _account(result: Result, spent: Spent) -> Account:
    return Account(
        model=result.model,
        degraded=result.degraded,
        ordered_by=list(dict.fromkeys(one.ordered_by for one in result.ranked)),
        agreement=result.agreement,
        faults=[_told(fault) for fault in result.faults],
        dropped=[
            Left(index=one.candidate.position, probability=one.probability, reason=one.reason) for one in result.dropped
        ],
        usage=spent,
        timings=dict(result.timings),
    )


def _told(fault: Fault) -> Told:
    detail = fault.detail if fault.kind in _TOLD_WHOLE else ""
    return Told(kind=fault.kind, meaning=FAULTS.get(fault.kind, fault.kind), detail=detail, index=fault.position)


def _spent(usage: Usage) -> Spent:
    return Spent(
        calls=usage.calls,
        prompt_tokens=usage.prompt_tokens,
        completion_tokens=usage.completion_tokens,
        total_tokens=usage.tokens,
        images=usage.images,
        cut_documents=usage.cut_documents,
    )


def _warnings(asked: Asked, model: str) -> Iterator[str]:
    if asked.model not in (None, model):
        yield f"the model that was asked for is not the one that answered: this server has {model}"
    for name in asked.ignored:
        yield f"{name} changes nothing here"
