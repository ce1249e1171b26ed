"""From what the model said to what the reader gets: judgements with citations, and an answer whose marks are ranks."""

from collections.abc import Mapping, Sequence

from rag_reasoner.backends.base import Card
from rag_reasoner.stages import extract
from rag_reasoner.stages.denied import denied_but_there
from rag_reasoner.stages.fit import Count
from rag_reasoner.stages.keep import probability
from rag_reasoner.stages.passages import likeliest_passages
from rag_reasoner.stages.rank import Line, Listwise, Ranked, read_reply
from rag_reasoner.stages.share import shares
from rag_reasoner.stages.steps import AskCompleter, Steps, completed
from rag_reasoner.tasks import AnswerTask, Shown, Statement
from rag_reasoner.tasks.statement import ABSTENTION, remark
from rag_reasoner.types import Answer, Candidate, Citation, Judgement

COARSE = "coarse order"
"""Names what gave a place that no list-wise model stated."""


def judgements(query: str, ranked: Ranked, card: Card | None) -> tuple[Judgement, ...]:
    """Every ranked candidate with its reasons: the model's own, or extractive ones that are labelled so."""
    lines = ranked.lines
    return tuple(_judgement(query, c, rank, lines.get(c.position), card) for rank, c in enumerate(ranked.order, 1))


def _judgement(query: str, candidate: Candidate, rank: int, line: Line | None, card: Card | None) -> Judgement:
    model = card.name if card else COARSE
    said = _said(candidate, line)
    reasoning, citations = said or extract.reason(query, candidate)
    return Judgement(
        candidate,
        rank,
        probability(candidate),
        reasoning,
        citations,
        ordered_by=model if line and line.stated else COARSE,
        reasoned_by=model if said else extract.EXTRACTIVE,
    )


def _said(candidate: Candidate, line: Line | None) -> tuple[str, tuple[Citation, ...]] | None:
    """What the model itself said of a candidate; None where it said nothing."""
    if line is None or (line.evidence is None and not line.reasoning):
        return None
    if line.evidence is None:
        return line.reasoning, ()
    verdict = {True: "helps", False: "does not help", None: "no verdict"}[line.evidence.relevant]
    quote = line.evidence.quote
    said = f"“{quote}”" if quote else _looked_up(line.evidence.reason, candidate)
    return f"{verdict}: {said}" if said else verdict, quoted_from(candidate, line.shown, quote)


def _looked_up(reason: str, candidate: Candidate) -> str:
    """The reason, and where it denies what stands on the page, that it does."""
    there = denied_but_there(reason, candidate.document)
    return f"“{reason}”, but the page has {' and '.join(f'“{word}”' for word in there)}" if there else reason


def quoted_from(candidate: Candidate, shown: Shown, quote: str) -> tuple[Citation, ...]:
    """The citation of a quote, verified where it stands in what was shown of the document.

    Without a quote there is none, unless the page has no text and a visual first stage saw where to look.
    """
    if not quote:
        return extract.sighted(candidate)
    if found := shown.locate(quote):
        return (extract.cite(candidate, found.start, found.end, found.verified),)
    return (extract.unverified(candidate, quote),)


def ask_answer(
    query: str,
    judged: Sequence[Judgement],
    card: Card,
    count: Count,
    settings: Listwise,
    most: int,
    *,
    answered: bool = False,
) -> Steps[Ranked]:
    """Ask for an answer alone, from the first `most` of the ranking: for formats without a joint task."""
    first = tuple(judgement.candidate for judgement in judged[:most])
    sized = shares(query, first, card, count, settings.tokens_for(card), AnswerTask)
    front = first[: sized.window]
    shown = tuple(sized.shown[c.position] for c in front)
    passages = (yield from likeliest_passages(query, front[0], shown[0], card)) if answered else None
    task = AnswerTask(query, shown, passages.texts if passages else None)
    (reply,) = yield from completed(AskCompleter("answer", (task,)))
    said = read_reply(task, reply)
    evidence = {line.number - 1: line for line in said.evidence}
    faults = (*(passages.faults if passages else ()), *said.faults)
    lines = {c.position: Line(sized.shown[c.position], evidence=evidence.get(place)) for place, c in enumerate(front)}
    return Ranked(front, lines, said.answer, front, faults, cut=sized.cut)


def stated_answer(ranked: Ranked, ranks: Mapping[int, int], card: Card) -> Answer | None:
    """The model's answer with its marks turned into ranks (by position), and a citation for each document cited."""
    statement = ranked.statement
    if statement is None:
        return None
    if statement.abstained:
        return Answer(ABSTENTION, abstained=True, answered_by=card.name)
    numbers = {place + 1: ranks[c.position] for place, c in enumerate(ranked.front) if c.position in ranks}
    text = remark(statement.text, numbers)
    citations = tuple(citation for c in _cited(ranked, statement) for citation in _support(c, ranked.lines[c.position]))
    return Answer(text, citations, answered_by=card.name)


def _cited(ranked: Ranked, statement: Statement) -> list[Candidate]:
    return [ranked.front[place] for place in statement.cited if place < len(ranked.front)]


def _support(candidate: Candidate, line: Line) -> tuple[Citation, ...]:
    """The quote of a cited document's line of evidence; an unverified citation of the page where it has none."""
    quote = line.evidence.quote if line.evidence else ""
    return quoted_from(candidate, line.shown, quote) or (extract.unverified(candidate, ""),)
