"""The coarse stage: judge every candidate on its own and drop the clearly irrelevant (MMRAG-RFT, stage 1)."""

from collections.abc import Sequence
from dataclasses import dataclass

from rag_reasoner.backends.base import Card, Judged
from rag_reasoner.stages.fit import Count, fit, require_room
from rag_reasoner.stages.keep import Keep, coarse_order, how_many, probability
from rag_reasoner.stages.steps import AskJudge, Steps, judged
from rag_reasoner.tasks import RelevanceTask, Shown
from rag_reasoner.types import Candidate, Dropped, Fault

_EMPTY = Shown("", "", (), "")


@dataclass(frozen=True, slots=True)
class Filtered:
    """Those kept, in coarse order and with their score "relevance", and those dropped with the reason."""

    kept: tuple[Candidate, ...]
    dropped: tuple[Dropped, ...] = ()
    faults: tuple[Fault, ...] = ()
    cut: int = 0


def filter_candidates(
    query: str, candidates: Sequence[Candidate], card: Card, count: Count, *, keep: Keep, fewest: int, tokens: int
) -> Steps[Filtered]:
    """Judge each candidate on at most `tokens` tokens of its text; keep by `keep`, but at least `fewest`."""
    if len(candidates) < 2:
        return Filtered(tuple(candidates))
    room = require_room(RelevanceTask(query, _EMPTY), card.context, count, query)
    shown = [fit(query, c, min(tokens, room), count, with_image=card.reads_images) for c in candidates]
    replies = yield from judged(AskJudge("filter", tuple(RelevanceTask(query, document) for document in shown)))
    scored = [_scored(*pair) for pair in zip(candidates, replies, strict=True)]
    ordered = coarse_order(query, scored, card)
    kept = how_many(keep, ordered, fewest, card)
    dropped = tuple(Dropped(c, probability(c), kept.reason) for c in ordered[kept.number :])
    faults = (*_failures(candidates, replies), *_doubts(scored, card, keep))
    return Filtered(tuple(ordered[: kept.number]), dropped, faults, sum(document.cut for document in shown))


def _scored(candidate: Candidate, reply: Judged) -> Candidate:
    return candidate if reply.probability is None else candidate.scored("relevance", reply.probability)


def _failures(candidates: Sequence[Candidate], replies: Sequence[Judged]) -> list[Fault]:
    pairs = zip(candidates, replies, strict=True)
    return [
        Fault(reply.fault.kind, reply.fault.detail, candidate.position, candidate.document.source)
        for candidate, reply in pairs
        if reply.fault
    ]


def _doubts(scored: Sequence[Candidate], card: Card, keep: Keep) -> list[Fault]:
    faults = []
    values = {probability(candidate) for candidate in scored} - {None}
    if len(values) == 1 and len(scored) > 2:
        faults.append(Fault("all_equal", f"{card.name} gave every candidate {values.pop():.3f}"))
    if isinstance(keep, float) and not card.calibrated:
        faults.append(Fault("uncalibrated", f"the threshold {keep:g} was applied to probabilities of {card.name}"))
    return faults
