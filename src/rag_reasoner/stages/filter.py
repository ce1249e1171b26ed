"""The coarse stage: judge every candidate on its own and drop the clearly irrelevant (MMRAG-RFT, stage 1)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from rag_reasoner.backends.base import Card, Judged
from rag_reasoner.models.calibration import logit, raised
from rag_reasoner.stages.fit import Count, fit, require_room
from rag_reasoner.stages.keep import RELEVANCE, Keep, coarse_order, how_many, probability
from rag_reasoner.stages.near import nearness
from rag_reasoner.stages.steps import AskJudge, Steps, judged
from rag_reasoner.tasks import RelevanceTask, Shown
from rag_reasoner.types import Candidate, Dropped, Fault

LIKELY = 0.5
"""A document that is likelier than not to be relevant says what is asked, however likely the others are."""

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
    replies = [_sound(reply, card) for reply in replies]
    scored = _scored(query, candidates, replies, card)
    ordered = coarse_order(query, scored, card)
    known = [candidate for candidate in ordered if probability(candidate) is not None]
    kept = how_many(keep, known, fewest, card)
    dropped = tuple(Dropped(c, probability(c), kept.reason) for c in known[kept.number :])
    gone = {one.candidate.position for one in dropped}
    faults = (*_failures(candidates, replies), *_doubts(known, dropped, card, keep))
    left = tuple(candidate for candidate in ordered if candidate.position not in gone)
    cut = frozenset(c.position for c, document in zip(candidates, shown, strict=True) if document.cut)
    return Filtered(left, dropped, faults, cut, _says_it(replies, scored, card))


def _sound(reply: Judged, card: Card) -> Judged:
    """`reply`, or a failure in its place where what it says is no probability."""
    if reply.fault if reply.probability is None else 0 <= reply.probability <= 1:
        return reply
    return replace(
        reply, probability=None, fault=Fault("backend_error", f"{card.name} gave {reply.probability} as a probability")
    )


def _scored(query: str, candidates: Sequence[Candidate], replies: Sequence[Judged], card: Card) -> list[Candidate]:
    """With P(relevant), to which all candidates have added what the judge's calibration found them to tell."""
    near = nearness(query, candidates) if card.among.nearness else [0.0] * len(candidates)
    added = card.among.added(near, [logit(one.probability) for one in replies if one.probability is not None])
    return [
        candidate if reply.probability is None else candidate.scored(RELEVANCE, raised(reply.probability, more))
        for candidate, reply, more in zip(candidates, replies, added, strict=True)
    ]


def _says_it(replies: Sequence[Judged], scored: Sequence[Candidate], card: Card) -> float | None:
    """How likely it is that any candidate says what is asked."""
    alone = [reply.probability for reply in replies if reply.probability is not None]
    if len(alone) < len(replies):
        return None
    likeliest = max(probability(candidate) or 0.0 for candidate in scored)
    return card.answerable(alone) if card.answerable and likeliest < LIKELY else likeliest


def _failures(candidates: Sequence[Candidate], replies: Sequence[Judged]) -> list[Fault]:
    pairs = zip(candidates, replies, strict=True)
    return [
        Fault(reply.fault.kind, reply.fault.detail, candidate.position, candidate.document.source)
        for candidate, reply in pairs
        if reply.fault
    ]


def _doubts(judged: Sequence[Candidate], dropped: Sequence[Dropped], card: Card, keep: Keep) -> list[Fault]:
    """What makes the filter's verdicts worth less than they look."""
    faults = []
    values = {probability(candidate) for candidate in judged}
    if len(values) == 1 and len(judged) > 2:
        faults.append(Fault("all_equal", f"{card.name} gave every candidate {values.pop():.3f}"))
    by_threshold = isinstance(keep, float) or (keep == "auto" and card.trained and not card.scores_only and dropped)
    if by_threshold and not card.calibrated:
        faults.append(Fault("uncalibrated", f"{len(dropped)} dropped by a threshold on probabilities of {card.name}"))
    return faults
