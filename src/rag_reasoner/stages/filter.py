"""The coarse stage: judge every candidate on its own and drop the clearly irrelevant (MMRAG-RFT, stage 1)."""

from collections.abc import Sequence
from dataclasses import dataclass

from rag_reasoner.backends.base import Card, Judged
from rag_reasoner.models.answerable import says_it
from rag_reasoner.models.calibration import known_together
from rag_reasoner.stages.fit import Count, fit, require_room
from rag_reasoner.stages.keep import RELEVANCE, Keep, coarse_order, how_many, probability
from rag_reasoner.stages.near import nearness
from rag_reasoner.stages.steps import AskJudge, Steps, judged
from rag_reasoner.tasks import RelevanceTask, Shown
from rag_reasoner.types import Candidate, Dropped, Fault

_EMPTY = Shown("", "", (), "")


@dataclass(frozen=True, slots=True)
class Filtered:
    """Those kept, in coarse order; those dropped, with the reason; and the positions of those that were cut. `says_it`
    is how likely it is that any of them says what is asked; None where not all could be judged.
    """

    kept: tuple[Candidate, ...]
    dropped: tuple[Dropped, ...] = ()
    faults: tuple[Fault, ...] = ()
    cut: frozenset[int] = frozenset()
    says_it: float | None = None


def filter_candidates(
    query: str, candidates: Sequence[Candidate], card: Card, count: Count, *, keep: Keep, fewest: int, tokens: int
) -> Steps[Filtered]:
    """Judge each candidate on at most `tokens` tokens of its text; keep by `keep`, but at least `fewest`.

    One that could not be judged is always kept.
    """
    if len(candidates) < 2:
        return Filtered(tuple(candidates))
    room = require_room(RelevanceTask(query, _EMPTY), card.context, count, query)
    shown = [fit(query, c, min(tokens, room), count, with_image=card.reads_images) for c in candidates]
    replies = yield from judged(AskJudge("filter", tuple(RelevanceTask(query, document) for document in shown)))
    scored = _scored(query, candidates, replies, card)
    ordered = coarse_order(query, scored, card)
    known = [candidate for candidate in ordered if probability(candidate) is not None]
    kept = how_many(keep, known, fewest, card)
    dropped = tuple(Dropped(c, probability(c), kept.reason) for c in known[kept.number :])
    gone = {one.candidate.position for one in dropped}
    faults = (*_failures(candidates, replies), *_doubts(replies, dropped, card, keep))
    left = tuple(candidate for candidate in ordered if candidate.position not in gone)
    cut = frozenset(c.position for c, document in zip(candidates, shown, strict=True) if document.cut)
    return Filtered(left, dropped, faults, cut, _says_it(replies, scored, card))


def _scored(query: str, candidates: Sequence[Candidate], replies: Sequence[Judged], card: Card) -> list[Candidate]:
    """With P(relevant), for which the candidates that were judged count with each other."""
    near = nearness(query, candidates) if card.among.nearness else [0.0] * len(candidates)
    known = [(p, share) for reply, share in zip(replies, near, strict=True) if (p := reply.probability) is not None]
    found = iter(known_together([p for p, _ in known], [share for _, share in known], card.among))
    return [
        candidate if reply.probability is None else candidate.scored(RELEVANCE, next(found))
        for candidate, reply in zip(candidates, replies, strict=True)
    ]


def _says_it(replies: Sequence[Judged], scored: Sequence[Candidate], card: Card) -> float | None:
    """How likely it is that any candidate says what is asked."""
    alone = [reply.probability for reply in replies if reply.probability is not None]
    if len(alone) < len(replies):
        return None
    if card.answerable is None:
        return max(probability(candidate) or 0.0 for candidate in scored)
    return says_it(card.answerable, alone)


def _failures(candidates: Sequence[Candidate], replies: Sequence[Judged]) -> list[Fault]:
    pairs = zip(candidates, replies, strict=True)
    return [
        Fault(reply.fault.kind, reply.fault.detail, candidate.position, candidate.document.source)
        for candidate, reply in pairs
        if reply.fault
    ]


def _doubts(replies: Sequence[Judged], dropped: Sequence[Dropped], card: Card, keep: Keep) -> list[Fault]:
    """What makes the filter's verdicts worth less than they look."""
    faults = []
    values = [reply.probability for reply in replies if reply.probability is not None]
    if len(set(values)) == 1 and len(values) > 2:
        faults.append(Fault("all_equal", f"{card.name} gave every candidate {values[0]:.3f}"))
    by_threshold = isinstance(keep, float) or (keep == "auto" and card.trained and not card.scores_only and dropped)
    if by_threshold and not card.calibrated:
        faults.append(Fault("uncalibrated", f"{len(dropped)} dropped by a threshold on probabilities of {card.name}"))
    return faults
