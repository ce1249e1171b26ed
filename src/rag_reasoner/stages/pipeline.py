"""The whole pipeline: filter, rank, answer; every candidate that goes in comes out once."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from rag_reasoner.backends.base import Card
from rag_reasoner.stages import extract
from rag_reasoner.stages.answer import ask_answer, judgements, stated_answer
from rag_reasoner.stages.filter import Filtered, filter_candidates
from rag_reasoner.stages.fit import Count
from rag_reasoner.stages.keep import Keep, not_yet_judged
from rag_reasoner.stages.rank import Listwise, Ranked, rank_candidates
from rag_reasoner.stages.steps import Steps
from rag_reasoner.tasks.statement import ABSTENTION
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
    candidates = tuple(map(not_yet_judged, candidates))
    filtered = yield from _filter(query, candidates, settings)
    found = _found(filtered, settings.judge) if answer else None
    ranked = yield from _rank(query, filtered.kept, settings, answer=answer and found is not False, found=found is True)
    judged = _placed(judgements(query, ranked, settings.ranker.card if settings.ranker else None), settings)
    said, extra = (yield from _answer(query, ranked, judged, settings, found)) if answer else (None, Ranked(()))
    beyond = judged[settings.top_n :] if settings.top_n else ()
    return Outcome(
        judged[: settings.top_n],
        (*(_beyond(judgement, settings.top_n, said) for judgement in beyond), *filtered.dropped),
        said,
        (*filtered.faults, *ranked.faults, *extra.faults, *_notices(candidates, settings)),
        _degraded(judged, settings),
        ranked.agreement,
        len(filtered.cut | ranked.cut | extra.cut),
    )


def _filter(query: str, candidates: Sequence[Candidate], settings: Settings) -> Steps[Filtered]:
    if settings.judge is None:
        return Filtered(tuple(candidates))
    judge, keep, wanted = settings.judge, settings.keep, settings.top_n or 1
    fewest = wanted if isinstance(keep, int) else max(settings.fewest, wanted)
    tokens = settings.judge_tokens
    return (
        yield from filter_candidates(
            query, candidates, judge.card, judge.count, keep=keep, fewest=fewest, tokens=tokens
        )
    )


def _placed(judged: tuple[Judgement, ...], settings: Settings) -> tuple[Judgement, ...]:
    """Where nothing ranks, and beyond what is ranked as a list, a trained judge's probabilities are the order."""
    if not settings.judge or not settings.judge.card.trained:
        return judged
    name, listed = settings.judge.card.name, _listed(settings.ranker, len(judged))
    beyond = (one if one.probability is None else replace(one, ordered_by=name) for one in judged[listed:])
    return (*judged[:listed], *beyond)


def _listed(ranker: Model | None, count: int) -> int:
    """How many of `count` candidates are ranked as a list."""
    if ranker is None:
        return 0
    return ranker.card.lists.size if ranker.card.lists else count


def _rank(
    query: str, candidates: Sequence[Candidate], settings: Settings, *, answer: bool, found: bool
) -> Steps[Ranked]:
    if settings.ranker is None:
        return Ranked(tuple(candidates))
    card, count = settings.ranker.card, settings.ranker.count
    return (
        yield from rank_candidates(query, candidates, card, count, settings.listwise, answer=answer, answered=found)
    )


def _found(filtered: Filtered, judge: Model | None) -> bool | None:
    """Whether the judge finds that a candidate says what is asked; None where it cannot tell."""
    if filtered.says_it is None or judge is None or not judge.card.abstain_below:
        return None
    return filtered.says_it >= judge.card.abstain_below


def _answer(
    query: str, ranked: Ranked, judged: Sequence[Judgement], settings: Settings, found: bool | None
) -> Steps[tuple[Answer, Ranked]]:
    """The model's answer, or an extractive one that says so; and what was asked for it beyond the ranking. Where the
    judge finds that no candidate says it, its abstention.
    """
    if settings.judge and found is False:
        return Answer(ABSTENTION, abstained=True, answered_by=settings.judge.card.name), Ranked(())
    extractive = extract.answer(query, judged[: settings.top_n])
    if not judged or settings.ranker is None or not settings.ranker.card.trained:
        return extractive, Ranked(())
    card, count = settings.ranker.card, settings.ranker.count
    asked, extra = ranked, Ranked(())
    if ranked.statement is None and (card.format == "mm_r5" or len(judged) == 1):
        most, sure = _ANSWER_DOCUMENTS, found is True and _likeliest_first(judged)
        asked = extra = yield from ask_answer(query, judged, card, count, settings.listwise, most, answered=sure)
    ranks = {judgement.candidate.position: judgement.rank for judgement in judged}
    return stated_answer(asked, ranks, card) or extractive, extra


def _likeliest_first(judged: Sequence[Judgement]) -> bool:
    """Whether the first is the one that the judge finds likeliest to be relevant."""
    return judged[0].probability == max(one.probability or 0.0 for one in judged)


def _beyond(judgement: Judgement, top_n: int | None, answer: Answer | None) -> Dropped:
    """A ranked candidate for which there is no room. An answer may rest on it all the same, and says so."""
    cited = {citation.position for citation in answer.citations} if answer else set()
    note = "; the answer cites it" if judgement.candidate.position in cited else ""
    reason = f"ranked {judgement.rank}, beyond top_n={top_n}{note}"
    return Dropped(judgement.candidate, judgement.probability, reason)


def _degraded(judged: Sequence[Judgement], settings: Settings) -> bool:
    """Whether the order is not wholly a trained model's own."""
    models = [model.card for model in (settings.judge, settings.ranker) if model]
    unjudged = settings.judge is not None and any(judgement.probability is None for judgement in judged)
    own = all(judgement.ordered_by in {card.name for card in models} for judgement in judged)
    untrained = not all(card.trained for card in models)
    return untrained or (len(judged) > 1 and (unjudged or not own))


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
    silent, pictured = not document.text.strip(), document.image is not None
    kinds = [
        ("empty", silent and not pictured and not document.title.strip(), document.id),
        ("hidden_text", bool(document.metadata.get("hidden_text")), document.id),
        ("no_text", pictured and silent, document.id),
        ("image_unseen", pictured and silent and not sighted, document.id),
    ]
    return [replace(fault, kind=kind, detail=detail) for kind, applies, detail in kinds if applies]
