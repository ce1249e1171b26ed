"""The list-wise stage: rank what the filter left, with evidence, in windows that fit the model's context."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from statistics import fmean

from rag_reasoner.backends.base import Card, Reply
from rag_reasoner.stages.consensus import agreement, borda, shuffles
from rag_reasoner.stages.fit import Count
from rag_reasoner.stages.passages import Passages, likeliest_passages
from rag_reasoner.stages.share import Asked, shares
from rag_reasoner.stages.steps import AskCompleter, Steps, completed
from rag_reasoner.stages.votes import with_a_vote
from rag_reasoner.stages.windows import windows
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
)
from rag_reasoner.tasks.mm_r5 import said_about
from rag_reasoner.types import Candidate, Fault

DOCUMENT_TOKENS = 384
"""How many tokens of each document are shown where neither the caller nor the model says."""


@dataclass(frozen=True, slots=True)
class Listwise:
    """Settings of the stage: how much of a document is shown, and how many shuffles must agree on the order.

    Without `document_tokens` it is what the model learned with.
    """

    document_tokens: int | None = None
    shuffles: int = 1
    seed: int = 0

    def tokens_for(self, card: Card) -> int:
        """How many tokens of each document the model is shown."""
        return self.document_tokens or (card.lists.tokens if card.lists else DOCUMENT_TOKENS)


@dataclass(frozen=True, slots=True)
class Line:
    """What the model said of one candidate, as it was shown. `stated`: the model itself gave it its place."""

    shown: Shown
    stated: bool = False
    evidence: Evidence | None = None
    reasoning: str = ""

    def or_else(self, earlier: "Line | None") -> "Line":
        """This line, with what an earlier one said of the candidate where this one says nothing."""
        if earlier is None or self.evidence or self.reasoning:
            return self
        return replace(self, evidence=earlier.evidence, reasoning=earlier.reasoning)


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
    cut: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class _Window:
    """One window: its candidates as the reply that counts was shown them, their new order, and what was said."""

    shown: tuple[Candidate, ...]
    order: tuple[Candidate, ...]
    lines: Mapping[int, Line]
    statement: Statement | None
    faults: tuple[Fault, ...]
    agreement: float | None


def rank_candidates(
    query: str,
    candidates: Sequence[Candidate],
    card: Card,
    count: Count,
    settings: Listwise,
    *,
    answer: bool,
    answered: bool = False,
) -> Steps[Ranked]:
    """Rank `candidates`, given in coarse order. A window that fails keeps its order and says so.

    A model that learned lists of one size ranks so many of the best; the others follow in coarse order. `answered`: one
    of them is known to say what is asked, the first most likely.
    """
    if len(candidates) < 2:
        return Ranked(tuple(candidates))
    front = candidates[: card.lists.size] if card.lists else candidates
    sized = shares(query, front, card, count, settings.tokens_for(card), _task(card, answer=answer))
    order, asked = list(candidates), list[_Window]()
    for window in windows(len(front), sized.window):
        inside = tuple(order[place] for place in window)
        kind = _task(card, answer=answer and window.start == 0)
        shown = [sized.shown[c.position] for c in inside]
        known = answered and kind.gives_answer and inside[0] is candidates[0]
        passages = (yield from likeliest_passages(query, inside[0], shown[0], card)) if known else None
        said = yield from _ask(query, inside, shown, kind, settings, passages)
        order[window.start : window.stop] = said.order if card.trained else with_a_vote(inside, said.order)
        asked.append(said)
    return _ranked(order, asked, sized.cut)


def _ranked(order: Sequence[Candidate], asked: Sequence[_Window], cut: frozenset[int]) -> Ranked:
    """All windows as one; what was said of a candidate last, nearest to the front, counts."""
    front = asked[-1]
    taus = [window.agreement for window in asked if window.agreement is not None]
    lines: dict[int, Line] = {}
    for window in asked:
        lines |= {position: line.or_else(lines.get(position)) for position, line in window.lines.items()}
    return Ranked(
        tuple(order),
        lines,
        front.statement,
        front.shown,
        tuple(fault for window in asked for fault in window.faults),
        fmean(taus) if taus else None,
        cut,
    )


def _about(
    asked: Asked, query: str, documents: Sequence[Shown], said_in: tuple[str, ...] | None
) -> ListwiseTask | MMR5Task:
    """The task about these documents. MM-R5's format has no verdict to be given."""
    if issubclass(asked, ListwiseTask):
        return asked(query, tuple(documents), said_in)
    return asked(query, tuple(documents))


def _task(card: Card, *, answer: bool) -> Asked:
    """What a model of this format can be asked."""
    if card.format == "mm_r5":
        return MMR5Task
    if not card.trained:
        return OrderTask
    return RankAndAnswerTask if answer else RankTask


def _ask(
    query: str,
    candidates: tuple[Candidate, ...],
    shown: Sequence[Shown],
    asked: Asked,
    settings: Listwise,
    passages: Passages | None,
) -> Steps[_Window]:
    """One window, shown in one order or in several. `passages`: those of its first document, where that is known to say
    what is asked.
    """
    said_in, faults = (passages.texts, passages.faults) if passages else (None, ())
    orders = shuffles(len(candidates), settings.shuffles, settings.seed)
    tasks = tuple(
        _about(asked, query, [shown[place] for place in order], said_in if order[0] == 0 else None) for order in orders
    )
    stage = "answer" if asked.gives_answer else "rank"
    replies = yield from completed(AskCompleter(stage, tasks))
    read = [_Read(order, read_reply(task, reply)) for order, task, reply in zip(orders, tasks, replies, strict=True)]
    said = _combined(candidates, shown, read)
    return replace(said, faults=faults + said.faults)


@dataclass(frozen=True, slots=True)
class _Read:
    """A reply as read, and the places of the window in the order in which they were shown for it."""

    shown: tuple[int, ...]
    reply: ListwiseReply

    @property
    def stated(self) -> list[int]:
        """The places that the model itself ranked, best first."""
        return [self.shown[number] for number in self.reply.order[: self.reply.stated]]

    @property
    def order(self) -> list[int]:
        """All places, best first; those left out follow in coarse order."""
        return [*self.stated, *sorted(set(self.shown).difference(self.stated))]


def _combined(candidates: Sequence[Candidate], shown: Sequence[Shown], read: Sequence[_Read]) -> _Window:
    """Several replies as one. What is said of each comes from the first that ranks, and a place from all of them."""
    ranking = [one for one in read if one.reply.stated]
    orders = [one.order for one in ranking]
    stated = set.intersection(*(set(one.stated) for one in ranking)) if ranking else set[int]()
    heard = (ranking or read)[0]
    return _Window(
        tuple(candidates[place] for place in heard.shown),
        tuple(candidates[place] for place in (borda(orders) if orders else range(len(candidates)))),
        {
            candidates[place].position: _line(number, shown[place], heard.reply, stated=place in stated)
            for number, place in enumerate(heard.shown, 1)
        },
        heard.reply.answer,
        tuple(fault for one in read for fault in one.reply.faults),
        agreement(orders),
    )


def _line(number: int, shown: Shown, reply: ListwiseReply, *, stated: bool) -> Line:
    """What a reply says of the document with this number."""
    evidence = next((line for line in reply.evidence if line.number == number), None)
    return Line(shown, stated, evidence, said_about(reply.reasoning, number) if reply.reasoning else "")


def read_reply(task: ListwiseTask | MMR5Task, reply: Reply) -> ListwiseReply:
    """The reply as read, with the faults of the call beside those of its text."""
    faults: tuple[Fault, ...] = (reply.fault,) if reply.fault else ()
    faults += (Fault("truncated", "the reply reached its limit of tokens"),) if reply.truncated else ()
    if reply.text is None:
        silence = faults or (Fault("backend_error", "the model gave neither a text nor a reason"),)
        return ListwiseReply(tuple(range(len(task.documents))), faults=silence)
    said = task.parse(reply.text)
    return replace(said, faults=faults + said.faults)
