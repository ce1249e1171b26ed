"""Chains by rule, without a teacher: the words that carry the answer, and of the others what they lack."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from random import Random

from rag_reasoner.tasks import Shown, show
from rag_reasoner.types import Candidate, Document
from rag_reasoner_train.chains.chain import Chain, Saying
from rag_reasoner_train.chains.check import NoChain, check
from rag_reasoner_train.chains.quote import Quote, best_quote, first_carried, fits
from rag_reasoner_train.chains.topic import missing, topics
from rag_reasoner_train.rows.row import Row

_COMPUTED = ("arithmetic", "count")
"""What a row's `answer_type` says where the answer is worked out: then nothing in the documents carries it."""

Wording = Callable[[str, str], str]

_LACKS: tuple[Wording, ...] = (
    lambda topic, words: f"about {topic}; nothing on {words}",
    lambda topic, words: f"it tells of {topic}, not {words}",
    lambda topic, words: f"on {topic}, without {words}",
    lambda topic, words: f"about {topic}; it lacks {words}",
)
_HAS_THE_WORDS: tuple[Wording, ...] = (
    lambda topic, words: f"about {topic}; the words are there, the answer is not",
    lambda topic, words: f"it tells of {topic}, but does not answer this",
)


def chain_by_rule(row: Row, seed: int = 0) -> Chain:
    """The chain of a row. Same row and seed, same chain.

    Raises NoChain where a relevant document has nothing to quote.
    """
    shown = [show(Candidate(document)) for document in row.candidates]
    quotes = _quotes(row, shown)
    reasons = _reasons(row, shown, Random(f"{seed}/{row.id}"))
    sayings = {one: Saying(quotes[one].text) if one in quotes else Saying(reason=reasons[one]) for one in reasons}
    answer = _answer(row, list(quotes.values()))
    return _checked(row, Chain(row.id, sayings, answer, certain=answer is not None or not row.answerable))


def _checked(row: Row, chain: Chain) -> Chain:
    """The chain if it earns everything, else without its answer: an answer may hold marks that stand for citations."""
    try:
        check(row, chain)
    except NoChain:
        if chain.answer is None:
            raise
        chain = replace(chain, answer=None, certain=False)
        check(row, chain)
    return chain


def _quotes(row: Row, shown: Sequence[Shown]) -> Mapping[str, Quote]:
    """The best quote of each relevant document."""
    found: dict[str, Quote] = {}
    for document, one in zip(row.candidates, shown, strict=True):
        if document.id in row.relevant:
            quote = best_quote(f"{row.question} {_hints(row, document)}", one, row.answers)
            if quote is None:
                raise NoChain(row.id, f"document {document.id!r} is relevant, but has no words to quote")
            found[document.id] = quote
    return found


def _hints(row: Row, document: Document) -> str:
    """What tells which words of a document lead on to the answer: the other documents' names, and what is reckoned."""
    others = (one.title for one in row.candidates if one.id in row.relevant and one.id != document.id)
    return " ".join((*others, str(row.extra.get("derivation") or "")))


def _answer(row: Row, quotes: Sequence[Quote]) -> str | None:
    """The answer, where a quote carries it and is surely meant; else None."""
    if row.extra.get("answer_type") in _COMPUTED or row.extra.get("derivation"):
        return None
    telling = [quote.text for quote in quotes if quote.overlap > 0 or quote.alone]
    answer = first_carried(row.answers, telling)
    return " ".join(answer.split()) if answer and fits(answer) else None


def _reasons(row: Row, shown: Sequence[Shown], random: Random) -> dict[str, str]:
    """Of each document what it is about and what it lacks, in wordings that vary."""
    about = topics(shown)
    return {
        document.id: _reason(topic or "something else", missing(row.question, one), random)
        for document, one, topic in zip(row.candidates, shown, about, strict=True)
    }


def _reason(topic: str, lacking: Sequence[str], random: Random) -> str:
    wordings = _LACKS if lacking else _HAS_THE_WORDS
    return random.choice(wordings)(topic, " or ".join(lacking))
