"""The whole pipeline: filter, rank, answer; every candidate that goes in comes out once."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from rag_reasoner.backends.base import Card
from rag_reasoner.stages import extract
from rag_reasoner.stages.answer import ask_answer, judgements, stated_answer
from rag_reasoner.stages.filter import Filtered, filter_candidates
from rag_reasoner.stages.fit import Count
from rag_reasoner.stages.keep import Keep
from rag_reasoner.stages.rank import Listwise, Ranked, rank_candidates
from rag_reasoner.stages.steps import Steps
from rag_reasoner.types import Answer, Candidate, Dropped, Fault, Judgement

_ANSWER_DOCUMENTS = 8
"""How many of the best documents an answer rests on, where it is asked for on its own."""


@dataclass(frozen=True, slots=True)
class Model:
    """What the stages know of a model: its card, and how it counts tokens."""

    card: Card
    count: Count


@dataclass(frozen=True, slots=True)
class Settings:
    """How the pipeline works. `judge` and `ranker` are None where the stage is left out.

    `fewest` is the number of candidates that must be left for the ranking; `judge_tokens` how much text of a document
    the filter reads.
    """

    judge: Model | None
    ranker: Model | None
    keep: Keep = "auto"
    top_n: int | None = None
    fewest: int = 3
    judge_tokens: int = 256
    listwise: Listwise = field(default_factory=Listwise)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the pipeline found. `degraded`: the order is not wholly a trained model's own."""

    ranked: tuple[Judgement, ...]
    dropped: tuple[Dropped, ...] = ()
    answer: Answer | None = None
    faults: tuple[Fault, ...] = ()
    degraded: bool = False
    agreement: float | None = None
    cut: int = 0


def pipeline(query: str, candidates: Sequence[Candidate], settings: Settings, *, answer: bool) -> Steps[Outcome]:
    """Filter, rank and, if asked for, answer."""
    filtered = yield from _filter(query, candidates, settings)
    ranked = yield from _rank(query, filtered.kept, settings, answer=answer)
    card = settings.ranker.card if settings.ranker else None
    judged = judgements(query, ranked, card)
    said, faults = (yield from _answer(query, ranked, judged, settings)) if answer else (None, ())
    shown, rest = judged[: settings.top_n], judged[settings.top_n :] if settings.top_n else ()
    return Outcome(
        shown,
        (*(_beyond(judgement, settings.top_n) for judgement in rest), *filtered.dropped),
        said,
        (*filtered.faults, *ranked.faults, *faults, *_notices(candidates, settings)),
        _degraded(judged, filtered, settings),
        ranked.agreement,
        filtered.cut + ranked.cut,
    )


def _filter(query: str, candidates: Sequence[Candidate], settings: Settings) -> Steps[Filtered]:
    if settings.judge is None:
        return Filtered(tuple(candidates))
    fewest = max(settings.fewest, settings.top_n or 1)
    judge, keep, tokens = settings.judge, settings.keep, settings.judge_tokens
    return (
        yield from filter_candidates(
            query, candidates, judge.card, judge.count, keep=keep, fewest=fewest, tokens=tokens
        )
    )


def _rank(query: str, candidates: Sequence[Candidate], settings: Settings, *, answer: bool) -> Steps[Ranked]:
    if settings.ranker is None:
        return Ranked(tuple(candidates))
    card, count = settings.ranker.card, settings.ranker.count
    return (yield from rank_candidates(query, candidates, card, count, settings.listwise, answer=answer))


def _answer(
    query: str, ranked: Ranked, judged: Sequence[Judgement], settings: Settings
) -> Steps[tuple[Answer, tuple[Fault, ...]]]:
    """The model's answer, or an extractive one that says so."""
    extractive = extract.answer(query, judged)
    if not judged or settings.ranker is None or not settings.ranker.card.trained:
        return extractive, ()
    card, count = settings.ranker.card, settings.ranker.count
    asked, faults = ranked, tuple[Fault, ...]()
    if ranked.statement is None and (card.format == "mm_r5" or len(judged) == 1):
        asked, faults = yield from ask_answer(query, judged, card, count, settings.listwise, _ANSWER_DOCUMENTS)
    ranks = {judgement.candidate.position: judgement.rank for judgement in judged}
    return stated_answer(asked, ranks, card) or extractive, faults


def _beyond(judgement: Judgement, top_n: int | None) -> Dropped:
    return Dropped(judgement.candidate, judgement.probability, f"ranked {judgement.rank}, beyond top_n={top_n}")


def _degraded(judged: Sequence[Judgement], filtered: Filtered, settings: Settings) -> bool:
    models = [model.card for model in (settings.judge, settings.ranker) if model]
    unjudged = any(fault.kind in ("backend_error", "budget") for fault in filtered.faults)
    ranker = settings.ranker.card.name if settings.ranker else None
    own = len(judged) < 2 or all(judgement.ordered_by == ranker for judgement in judged)
    return unjudged or not own or not all(card.trained for card in models)


def _notices(candidates: Sequence[Candidate], settings: Settings) -> list[Fault]:
    """What the reader should know about the models and the documents, whatever the models said."""
    models = {model.card.name: model.card for model in (settings.judge, settings.ranker) if model}
    untrained = [
        Fault("untrained", f"{card.name} is not trained for this") for card in models.values() if not card.trained
    ]
    sighted = any(card.reads_images for card in models.values())
    return untrained + [fault for candidate in candidates for fault in _about(candidate, sighted)]


def _about(candidate: Candidate, sighted: bool) -> list[Fault]:
    document = candidate.document
    fault = Fault("", position=candidate.position, source=document.source)
    kinds = [
        ("hidden_text", bool(document.metadata.get("hidden_text")), f"page {document.page}"),
        ("no_text", document.image is not None and not document.text.strip(), f"page {document.page}"),
        ("image_unseen", document.image is not None and not document.text.strip() and not sighted, document.id),
    ]
    return [replace(fault, kind=kind, detail=detail) for kind, applies, detail in kinds if applies]
