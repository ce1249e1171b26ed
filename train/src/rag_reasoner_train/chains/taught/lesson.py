"""One row with a teacher: a note on each document, all notes refined into one chain, everything checked."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from rag_reasoner.messages import Message
from rag_reasoner.metrics import squad
from rag_reasoner.tasks import Evidence, ListwiseReply, RankAndAnswerTask, RankTask, Shown, show
from rag_reasoner.tasks import evidence as evidence_section
from rag_reasoner.tasks.statement import remark
from rag_reasoner.tasks.tags import after_thinking, wrap
from rag_reasoner.types import Candidate, Document, Fault
from rag_reasoner_train.chains.chain import Chain, Saying
from rag_reasoner_train.chains.check import NoChain, check
from rag_reasoner_train.chains.quote import first_carried
from rag_reasoner_train.chains.room import FULL
from rag_reasoner_train.chains.taught.prompts import MOST_REASON_WORDS, draft, refine
from rag_reasoner_train.rows.answers import worked_out
from rag_reasoner_train.rows.row import Row
from rag_reasoner_train.teacher.until_fit import Ask, NeverFit, Unfit, gathered, until_fit

Note = Callable[[str, Saying], None]
"""Keeps what was said of a document, by its id."""

_NUMBERED = re.compile(r"\b(?:doc(?:ument)?s?|passages?|pages?|sources?|notes?)\s*#?\d|\[\d+\]", re.IGNORECASE)
_SPARE_WORDS = 5


T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Lesson:
    """How a row is put to a teacher. `made_by` names it; `images`: whether it is shown them.

    Each question is asked up to `attempts` times, every time with what was wrong with the last reply.
    """

    ask: Ask
    made_by: str
    attempts: int = 3
    images: bool = False

    async def chain(self, row: Row, known: Mapping[str, Saying], note: Note) -> Chain:
        """The teacher's chain of a row. `known` are notes of an earlier run; `note` is told each new one.

        Raises NoChain, with the teacher's last words, where no reply to a question could be used.
        """
        shown = tuple(show(Candidate(one), with_image=self.images) for one in row.candidates)
        notes = await self._notes(row, shown, known, note)
        task = (RankAndAnswerTask if row.answers or not row.answerable else RankTask)(row.question, shown)
        return await self._until_fit(
            row, refine(task, row, notes), lambda reply: _chain(row, task.parse(reply), self.made_by)
        )

    async def _notes(self, row: Row, shown: Sequence[Shown], known: Mapping[str, Saying], note: Note) -> list[Evidence]:
        """A line on each document, made of it alone."""

        async def noted(document: Document, one: Shown) -> Saying:
            if document.id in known:
                return known[document.id]
            relevant = document.id in row.relevant
            said = await self._until_fit(row, draft(row, one), lambda reply: _note(reply, one, relevant))
            note(document.id, said)
            return said

        pairs = zip(row.candidates, shown, strict=True)
        said = await gathered(noted(document, one) for document, one in pairs)
        return [
            Evidence(number, one.id in row.relevant, saying.quote, saying.reason)
            for number, (one, saying) in enumerate(zip(row.candidates, said, strict=True), 1)
        ]

    async def _until_fit(self, row: Row, asked: Sequence[Message], read: Callable[[str], T]) -> T:
        try:
            return await until_fit(self.ask, asked, read, self.attempts)
        except NeverFit as never:
            raise NoChain(row.id, never.problem, never.reply) from never


def _note(reply: str, shown: Shown, relevant: bool) -> Saying:
    """The one line that the teacher wrote. Raises Unfit where it cannot be used."""
    said = after_thinking(reply).strip()
    lines, faults = evidence_section.parse(said if "<" in said else wrap(evidence_section.TAG, f"\n{said}\n"), [shown])
    if len(lines) != 1 or lines[0].relevant is None:
        raise Unfit("it is not one line with a verdict")
    if faults:
        raise Unfit(_told(faults[0]))
    return _fit(lines[0], relevant)


def _fit(line: Evidence, relevant: bool) -> Saying:
    if line.relevant is not relevant:
        raise Unfit(f"document {line.number} does {'' if relevant else 'not '}help to arrive at the right answer")
    if relevant and not line.quote:
        raise Unfit("what helps must be quoted, in double quotes")
    if relevant and not FULL.fits(line.quote):
        raise Unfit("the quote is too long")
    return Saying(line.quote) if relevant else Saying(reason=_fit_reason(line))


def _fit_reason(line: Evidence) -> str:
    reason = " ".join(line.reason.split())
    if not reason:
        raise Unfit(f"there is no reason why document {line.number} does not help")
    if len(reason.split()) > MOST_REASON_WORDS + _SPARE_WORDS:
        raise Unfit(f"the reason about document {line.number} is too long")
    if _NUMBERED.search(reason):
        raise Unfit("a reason names a document by its number, but the documents will stand in other orders")
    return reason


def _chain(row: Row, reply: ListwiseReply, made_by: str) -> Chain:
    """The refined chain. Raises Unfit where it does not agree with the row, or would not earn everything."""
    if reply.faults:
        raise Unfit(_told(reply.faults[0]))
    ids = [one.id for one in row.candidates]
    sayings = {ids[line.number - 1]: _fit(line, ids[line.number - 1] in row.relevant) for line in reply.evidence}
    _check_order(row, reply)
    _check_answer(row, reply)
    quotes = [saying.quote for saying in sayings.values()]
    answer = None if worked_out(row) else first_carried(row.answers, quotes)
    chain = Chain(row.id, sayings, answer, certain=answer is not None or not row.answerable, made_by=made_by)
    try:
        check(row, chain)
    except NoChain as error:
        raise Unfit(error.reason) from error
    return chain


def _check_order(row: Row, reply: ListwiseReply) -> None:
    first = [row.candidates[place].id for place in reply.order[: len(row.relevant)]]
    if late := [one for one in first if one not in row.relevant]:
        raise Unfit(f"document {late[0]!r} does not help, but is ranked before one that does")


def _check_answer(row: Row, reply: ListwiseReply) -> None:
    if reply.answer is None:
        return
    if reply.answer.abstained is row.answerable:
        raise Unfit("the right answer is another one")
    if row.answers and not squad.exact_match(remark(reply.answer.text, {}), row.answers):
        raise Unfit("the answer is not in the words of the right answer")


def _told(fault: Fault) -> str:
    return f"{fault.detail or fault.kind} ({fault.kind})"
