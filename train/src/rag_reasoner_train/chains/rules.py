"""Chains by rule, without a teacher: the words that carry the answer, and of the others what they lack."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random

from rag_reasoner.tasks import show
from rag_reasoner.types import Candidate, Document
from rag_reasoner_train.chains.chain import Chain, Saying
from rag_reasoner_train.chains.check import NoChain, check
from rag_reasoner_train.chains.quote import Quote, best_quote, first_carried, from_the_answer
from rag_reasoner_train.chains.room import BRIEF, FULL, Room
from rag_reasoner_train.chains.topic import missing, topics
from rag_reasoner_train.rows.answers import worked_out
from rag_reasoner_train.rows.row import Row
from rag_reasoner_train.rows.view import WHOLE, View, seen

Wording = Callable[[str, str], str]


@dataclass(frozen=True, slots=True)
class Style:
    """How chains are written: the room of a line, and how a reason is worded, of the topic and what is lacking.

    `pointed` quotes begin with the answer that they carry.
    """

    room: Room
    lacks: tuple[Wording, ...]
    has_the_words: tuple[Wording, ...]
    pointed: bool = False


FULL_STYLE = Style(
    FULL,
    (
        lambda topic, words: f"about {topic}; nothing on {words}",
        lambda topic, words: f"it tells of {topic}, not {words}",
        lambda topic, words: f"on {topic}, without {words}",
        lambda topic, words: f"about {topic}; it lacks {words}",
    ),
    (
        lambda topic, words: f"about {topic}; the words are there, the answer is not",
        lambda topic, words: f"it tells of {topic}, but does not answer this",
    ),
)
BRIEF_STYLE = Style(
    BRIEF,
    (lambda topic, words: f"nothing on {words}", lambda topic, words: f"no word of {words}"),
    (lambda topic, words: "it does not answer this", lambda topic, words: "the answer is not there"),
    pointed=True,
)


@dataclass(frozen=True, slots=True)
class Rules:
    """How chains are made. Reasons name only what stands in the first `view` that a model is likely to be shown."""

    seed: int = 0
    style: Style = FULL_STYLE
    view: View = WHOLE


AS_A_RULE = Rules()


def chain_by_rule(row: Row, rules: Rules = AS_A_RULE) -> Chain:
    """The chain of a row. Same row and rules, same chain.

    Raises NoChain where a relevant document has nothing to quote.
    """
    quotes = _quotes(row, rules.style)
    reasons = _reasons(row, rules)
    sayings = {one: Saying(quotes[one].text) if one in quotes else Saying(reason=reasons[one]) for one in reasons}
    answer = _answer(row, list(quotes.values()), rules.style.room)
    return _checked(row, Chain(row.id, sayings, answer, certain=answer is not None or not row.answerable))


def _checked(row: Row, chain: Chain) -> Chain:
    """The chain if it earns everything, else without its answer: some are not read as they are written (four .303)."""
    try:
        check(row, chain)
    except NoChain:
        if chain.answer is None:
            raise
        chain = replace(chain, answer=None, certain=False)
        check(row, chain)
    return chain


def _quotes(row: Row, style: Style) -> Mapping[str, Quote]:
    """The best quote of each relevant document."""
    return {document.id: _quote(row, document, style) for document in row.candidates if document.id in row.relevant}


def _quote(row: Row, document: Document, style: Style) -> Quote:
    whole = show(Candidate(document))
    quote = best_quote(f"{row.question} {_hints(row, document)}", whole, row.answers, style.room)
    if quote is None:
        raise NoChain(row.id, f"document {document.id!r} is relevant, but has no words to quote")
    return from_the_answer(quote, whole, row.answers, style.room) if style.pointed and quote.carries else quote


def _hints(row: Row, document: Document) -> str:
    """What tells which words of a document lead on to the answer: the other documents' names, and what is reckoned."""
    others = (one.title for one in row.candidates if one.id in row.relevant and one.id != document.id)
    return " ".join((*others, str(row.extra.get("derivation") or "")))


def _answer(row: Row, quotes: Sequence[Quote], room: Room) -> str | None:
    """The answer, where a quote carries it and is surely meant; else None."""
    if worked_out(row):
        return None
    telling = [quote.text for quote in quotes if quote.overlap > 0 or quote.alone]
    answer = first_carried(row.answers, telling)
    return " ".join(answer.split()) if answer and room.fits(answer) else None


def _reasons(row: Row, rules: Rules) -> dict[str, str]:
    """Of each document what it is about and what it lacks, in wordings that vary."""
    random = Random(f"{rules.seed}/{row.id}")
    about = topics([seen(row.question, document, rules.view) for document in row.candidates])
    return {
        document.id: _reason(topic, missing(row.question, document), rules.style, random)
        for document, topic in zip(row.candidates, about, strict=True)
    }


def _reason(topic: str, lacking: Sequence[str], style: Style, random: Random) -> str:
    """The reason with as much of the topic as there is room for."""
    wording = random.choice(style.lacks if lacking else style.has_the_words)
    words = topic.split()
    shorter = (" ".join(words[:count]).rstrip(",") for count in range(len(words), 0, -1))
    reasons = (wording(some, " or ".join(lacking)) for some in (*shorter, "something else"))
    return next(filter(style.room.fits, reasons), "it does not answer this")
