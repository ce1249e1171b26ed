"""The list-wise stage: rank what the filter left, with evidence, in windows that fit the model's context."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from statistics import fmean

from rag_reasoner.backends.base import Card, Reply
from rag_reasoner.stages.consensus import agreement, borda, shuffles
from rag_reasoner.stages.fit import Count, fit, require_room
from rag_reasoner.stages.steps import AskCompleter, Steps, completed
from rag_reasoner.stages.windows import window_size, windows
from rag_reasoner.tasks import (
    Evidence,
    ListwiseReply,
    ListwiseTask,
    MMR5Task,
    OrderTask,
    RankAndAnswerTask,
    RankTask,
    Shown,
    Statement,
    show,
)
from rag_reasoner.tasks.mm_r5 import said_about
from rag_reasoner.types import Candidate, Fault

Asked = type[ListwiseTask] | type[MMR5Task]

_LEAST_DOCUMENT = 48
_PER_DOCUMENT = 16


@dataclass(frozen=True, slots=True)
class Listwise:
    """Settings of the stage: how much of a document is shown, and how many shuffles must agree on the order."""

    document_tokens: int = 384
    shuffles: int = 1
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Line:
    """What the model said of one candidate, as it was shown. `stated`: the model itself gave it its place."""

    shown: Shown
    stated: bool = False
    evidence: Evidence | None = None
    reasoning: str = ""


@dataclass(frozen=True, slots=True)
class Ranked:
    """The order, best first; what was said of each, by position; and the answer to the front window, if asked for.

    `front` are the candidates of that window in the order shown, which the answer's marks count.
    """

    order: tuple[Candidate, ...]
    lines: Mapping[int, Line] = field(default_factory=dict)
    statement: Statement | None = None
    front: tuple[Candidate, ...] = ()
    faults: tuple[Fault, ...] = ()
    agreement: float | None = None
    cut: int = 0


@dataclass(frozen=True, slots=True)
class _Window:
    """One window: its candidates as shown, reordered, and what was said."""

    shown: tuple[Candidate, ...]
    order: tuple[Candidate, ...]
    lines: Mapping[int, Line]
    statement: Statement | None
    faults: tuple[Fault, ...]
    agreement: float | None


def rank_candidates(
    query: str, candidates: Sequence[Candidate], card: Card, count: Count, settings: Listwise, *, answer: bool
) -> Steps[Ranked]:
    """Rank `candidates`, given in coarse order. A window that fails keeps its order and says so."""
    if len(candidates) < 2:
        return Ranked(tuple(candidates))
    shown, size = _sized(query, candidates, card, count, settings, _task(card, answer=answer))
    order, asked = list(candidates), []
    for window in windows(len(candidates), size):
        inside = tuple(order[place] for place in window)
        kind = _task(card, answer=answer and window.start == 0)
        said = yield from _ask(query, inside, [shown[c.position] for c in inside], kind, settings)
        order[window.start : window.stop] = said.order
        asked.append(said)
    return _ranked(order, asked, sum(document.cut for document in shown.values()))


def _ranked(order: Sequence[Candidate], asked: Sequence[_Window], cut: int) -> Ranked:
    """All windows as one; what was said of a candidate last, nearest to the front, counts."""
    front = asked[-1]
    taus = [window.agreement for window in asked if window.agreement is not None]
    return Ranked(
        tuple(order),
        {position: line for window in asked for position, line in window.lines.items()},
        front.statement,
        front.shown,
        tuple(fault for window in asked for fault in window.faults),
        fmean(taus) if taus else None,
        cut,
    )


def _task(card: Card, *, answer: bool) -> Asked:
    """What a model of this format can be asked."""
    if card.format == "mm_r5":
        return MMR5Task
    if not card.trained:
        return OrderTask
    return RankAndAnswerTask if answer else RankTask


def _sized(
    query: str, candidates: Sequence[Candidate], card: Card, count: Count, settings: Listwise, asked: Asked
) -> tuple[dict[int, Shown], int]:
    """Every candidate as shown, and how many of them a window takes."""
    room = require_room(asked(query, (_as_image_only(candidates[0], card),)), card.context, count, query)
    most = max(min(settings.document_tokens, room), _LEAST_DOCUMENT)
    shown = {c.position: _shown(query, c, card, count, most) for c in candidates}
    reply = asked(query, tuple(shown.values())).reply_tokens / len(candidates)
    costs = [_cost(document, asked, count) + int(reply) for document in shown.values()]
    return shown, window_size(costs, room)


def _as_image_only(candidate: Candidate, card: Card) -> Shown:
    """The least that a candidate can be cut to: its image, if the model reads it, and no text."""
    return show(candidate, (), with_image=card.reads_images)


def _shown(query: str, candidate: Candidate, card: Card, count: Count, tokens: int) -> Shown:
    if card.format == "mm_r5" and candidate.document.image:
        return _as_image_only(candidate, card)
    return fit(query, candidate, tokens, count, with_image=card.reads_images)


def _cost(document: Shown, asked: Asked, count: Count) -> int:
    alone, empty = asked("", (document,)), asked("", ())
    return count(alone.messages()) - count(empty.messages()) + _PER_DOCUMENT


def _ask(
    query: str, candidates: tuple[Candidate, ...], shown: Sequence[Shown], asked: Asked, settings: Listwise
) -> Steps[_Window]:
    """One window, shown in one order or in several. What is said of each comes from the first, the coarse order."""
    orders = shuffles(len(candidates), settings.shuffles, settings.seed)
    tasks = tuple(asked(query, tuple(shown[place] for place in order)) for order in orders)
    stage = "answer" if asked.gives_answer else "rank"
    replies = yield from completed(AskCompleter(stage, tasks))
    parsed = [_parsed(*pair) for pair in zip(tasks, replies, strict=True)]
    stated = [[order[p] for p in said.order] for order, said in zip(orders, parsed, strict=True) if said.stated]
    combined = borda(stated) if stated else range(len(candidates))
    return _Window(
        candidates,
        tuple(candidates[place] for place in combined),
        dict(_lines(candidates, shown, parsed[0], borda_of=len(stated))),
        parsed[0].answer,
        tuple(fault for said in parsed for fault in said.faults),
        agreement(stated) if stated else None,
    )


def _parsed(task: ListwiseTask | MMR5Task, reply: Reply) -> ListwiseReply:
    """The reply as read, with the faults of the call beside those of its text."""
    faults: tuple[Fault, ...] = (reply.fault,) if reply.fault else ()
    faults += (Fault("truncated", "the reply reached its limit of tokens"),) if reply.truncated else ()
    if reply.text is None:
        return ListwiseReply(tuple(range(len(task.documents))), faults=faults)
    said = task.parse(reply.text)
    return replace(said, faults=faults + said.faults)


def _lines(
    candidates: Sequence[Candidate], shown: Sequence[Shown], said: ListwiseReply, *, borda_of: int
) -> Iterator[tuple[int, Line]]:
    """What was said of each. With several orders combined, the model has stated every place."""
    evidence = {line.number - 1: line for line in said.evidence}
    stated = set(said.order[: said.stated])
    for place, (candidate, document) in enumerate(zip(candidates, shown, strict=True)):
        reasoning = said_about(said.reasoning, place + 1) if said.reasoning else ""
        yield candidate.position, Line(document, borda_of > 1 or place in stated, evidence.get(place), reasoning)
