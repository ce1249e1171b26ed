"""What the page gets: files, and a result in which every document is a place that can be opened."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from pydantic import BaseModel, Field

from rag_reasoner.results import Result
from rag_reasoner.results.notes import faults_by_position
from rag_reasoner.results.text import printable, why
from rag_reasoner.server.web.held import Held
from rag_reasoner.types import FAULTS, Box, Citation, Document, Dropped, Fault, Judgement

CONTEXT = 280
"""Characters of the page's text that are told before and after a quote."""

_NOT_TOLD = frozenset({"backend_error"})
"""Kinds of faults whose details may name a server."""


class HeldFile(BaseModel):
    """A file that was read. `unread` says what of it could not be."""

    id: str
    name: str
    pages: int
    bytes: int
    unread: list[str]


class Limits(BaseModel):
    """What files there may be."""

    bytes: int
    pages: int
    files: int
    kinds: list[str]


class Files(BaseModel):
    """The files of a workspace, and what they will be asked of."""

    files: list[HeldFile]
    model: str
    reads_images: bool
    limits: Limits


class Place(BaseModel):
    """A page of a file. `picture` is the number to draw it by; None where there is only text."""

    file: str
    name: str
    page: int | None
    pages: int
    picture: int | None


class Quote(BaseModel):
    """A quote, where it stands, and what stands around it."""

    rank: int | None = Field(description="of its page, where that was ranked")
    place: Place
    quote: str
    before: str
    after: str
    boxes: list[tuple[float, float, float, float]] = Field(description="left, top, right, bottom as fractions")
    verified: str = Field(description="exact, normalised, or none")
    hidden: bool


class Card(BaseModel):
    """A ranked page, with the reasons. `faults` are the kinds of those that touch it."""

    rank: int
    place: Place
    probability: float | None
    reasoning: str
    reasoned_by: str
    ordered_by: str
    quotes: list[Quote]
    faults: list[str]


class Left(BaseModel):
    """A page that was dropped, and why."""

    place: Place
    probability: float | None
    reason: str


class Note(BaseModel):
    """Something that went wrong: its kind, what that means, and how often it happened."""

    kind: str
    meaning: str
    times: int
    details: list[str]


class Said(BaseModel):
    """The answer; `[n]` in its text is the rank of a page. `abstained`: the pages do not say."""

    text: str
    abstained: bool
    answered_by: str
    quotes: list[Quote]


class AskReply(BaseModel):
    """Ranked pages with reasons, those dropped, the answer, and an honest account of the run."""

    question: str
    answer: Said
    ranked: list[Card]
    dropped: list[Left]
    notes: list[Note]
    degraded: bool
    model: str
    agreement: float | None
    seconds: float
    tokens: int


def held_file(held: Held) -> HeldFile:
    return HeldFile(id=held.id, name=held.name, pages=len(held.documents), bytes=held.size, unread=list(held.unread))


def ask_reply(result: Result, files: Iterable[Held]) -> AskReply:
    """`result` as the page shows it; `files` are those that were asked."""
    return _Reply({held.name: held for held in files}, result).whole()


@dataclass(frozen=True, slots=True)
class _Reply:
    """A result beside the files it is about, by their names."""

    files: Mapping[str, Held]
    result: Result

    def whole(self) -> AskReply:
        result = self.result
        assert result.answer is not None
        faults = faults_by_position(result.faults)
        answer = result.answer
        return AskReply(
            question=result.query,
            answer=Said(
                text=printable(answer.text),
                abstained=answer.abstained,
                answered_by=answer.answered_by,
                quotes=self._quotes(answer.citations),
            ),
            ranked=[self._card(one, faults.get(one.candidate.position, [])) for one in result.ranked],
            dropped=[self._left(one) for one in result.dropped],
            notes=self._notes(),
            degraded=result.degraded,
            model=result.model,
            agreement=result.agreement,
            seconds=sum(result.timings.values()),
            tokens=result.usage.tokens,
        )

    def _card(self, one: Judgement, faults: Sequence[str]) -> Card:
        return Card(
            rank=one.rank,
            place=self._place(one.candidate.document),
            probability=one.probability,
            reasoning=self._told(why(one)),
            reasoned_by=one.reasoned_by,
            ordered_by=one.ordered_by,
            quotes=self._quotes(one.citations),
            faults=list(dict.fromkeys(faults)),
        )

    def _left(self, one: Dropped) -> Left:
        place = self._place(one.candidate.document)
        return Left(place=place, probability=one.probability, reason=self._told(one.reason))

    def _quotes(self, citations: Iterable[Citation]) -> list[Quote]:
        every: tuple[Judgement | Dropped, ...] = (*self.result.ranked, *self.result.dropped)
        documents = {one.candidate.position: one.candidate.document for one in every}
        ranks = {one.candidate.position: one.rank for one in self.result.ranked}
        return [self._quote(one, documents[one.position], ranks.get(one.position)) for one in citations]

    def _quote(self, citation: Citation, document: Document, rank: int | None) -> Quote:
        before, after = _around(document.text, citation.start, citation.end)
        return Quote(
            rank=rank,
            place=self._place(document),
            quote=printable(citation.quote),
            before=printable(before),
            after=printable(after),
            boxes=[_within(box) for box in citation.boxes],
            verified=citation.verified,
            hidden=citation.hidden,
        )

    def _place(self, document: Document) -> Place:
        held = self.files[document.source or ""]
        picture = None if document.image is None else document.page or 1
        return Place(file=held.id, name=held.name, page=document.page, pages=len(held.documents), picture=picture)

    def _notes(self) -> list[Note]:
        kinds = dict.fromkeys(fault.kind for fault in self.result.faults)
        return [self._note(kind, [one for one in self.result.faults if one.kind == kind]) for kind in kinds]

    def _note(self, kind: str, faults: Sequence[Fault]) -> Note:
        told: Callable[[Fault], str] = lambda fault: "" if kind in _NOT_TOLD else self._told(fault.detail)  # noqa: E731
        details = list(dict.fromkeys(detail for fault in faults if (detail := told(fault))))
        return Note(kind=kind, meaning=FAULTS.get(kind, kind), times=len(faults), details=details)

    def _told(self, text: str) -> str:
        """`text` with the names that people know in place of our paths."""
        for held in self.files.values():
            text = text.replace(str(held.path), held.name)
        return printable(text)


def _around(text: str, start: int | None, end: int | None) -> tuple[str, str]:
    """What stands before and after a span of `text`, in whole words."""
    if start is None or end is None:
        return "", ""
    before, after = text[max(0, start - CONTEXT) : start], text[end : end + CONTEXT]
    if start > CONTEXT:
        before = f"… {before.partition(' ')[2]}"
    if end + CONTEXT < len(text):
        after = f"{after.rpartition(' ')[0]} …"
    return before, after


def _within(box: Box) -> tuple[float, float, float, float]:
    left, top, right, bottom = (min(max(value, 0.0), 1.0) for value in box)
    return left, top, right, bottom
