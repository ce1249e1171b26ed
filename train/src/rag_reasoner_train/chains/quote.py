"""The words of a document that carry the answer: a sentence or a table's row, cut to the room of a line of evidence."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from rag_reasoner.quotes import find_quote
from rag_reasoner.tasks import Shown
from rag_reasoner.words import Span, overlap, sentences, terms
from rag_reasoner_train.chains.room import FULL, Room, pieces
from rag_reasoner_train.rows.answers import carries, parts_of, place_of

_HEADING = re.compile(r"\|\s*\|")
_HEADING_WEIGHT = 0.25
"""The names of a table's columns stand in many questions, but say little: rows are quoted rather."""

_MOST_LEFT_OUT = 3

_FEWEST = 3
"""Fewer words from the answer on tell a reader nothing."""

_EDGE = " \t\n|,;:•"


@dataclass(frozen=True, slots=True)
class Quote:
    """A verbatim piece of a document as shown. `carries`: it holds an answer, `alone`: no other sentence does."""

    text: str
    carries: bool
    overlap: float
    alone: bool = False


def best_quote(asked: str, document: Shown, answers: Sequence[str], room: Room = FULL) -> Quote | None:
    """The quote that carries one of the answers, else what shares most with `asked`; None where none can be found.

    Of several that carry an answer the one that shares most is taken, of equals the first.
    """
    found = sorted(_quotes(asked, document, answers, room), key=lambda quote: (-quote.carries, -quote.overlap))
    best = next(filter(None, (_found_in(document, quote, answers) for quote in found)), None)
    carrying = sum(quote.carries for quote in found)
    return replace(best, alone=best.carries and carrying == 1) if best else None


def from_the_answer(quote: Quote, document: Shown, answers: Sequence[str], room: Room) -> Quote:
    """The quote from the first word of the answer in it, and as far on as there is room; as it is where that is little.

    A quote that begins with the answer is found by looking for the answer, which a small model can; where the sentence
    around it begins says nothing. Rows of tables begin with what they are about, and stay. `document` is shown whole.
    """
    found = document.locate(quote.text)
    if found is None or "|" in quote.text:
        return quote
    place = next(filter(None, (place_of(answer, document.text[found.start : found.end]) for answer in answers)), None)
    if place is None:
        return quote
    text = _as_much(document.text[found.start + place[0] :].partition("\n")[0], room)
    told = len(text.split()) >= _FEWEST and any(carries(text, answer) for answer in answers)
    return replace(quote, text=text) if told and document.locate(text) else quote


def _as_much(line: str, room: Room) -> str:
    """As many of the first words as fit."""
    words = [match.span() for match in re.finditer(r"\S+", line)]
    last = _last_that_fits(line, words, 0, room)
    return _trimmed(line[: words[last][1]]) if last >= 0 else ""


def _found_in(document: Shown, quote: Quote, answers: Sequence[str]) -> Quote | None:
    """The quote, or all but its first words: where a line before it ends with a hyphen, they count as cut in two."""
    words = quote.text.split()
    for first in range(min(_MOST_LEFT_OUT + 1, len(words))):
        text = " ".join(words[first:])
        still = any(carries(text, answer) for answer in answers)
        if still is quote.carries and document.locate(text):
            return replace(quote, text=text)
    return None


def _quotes(asked: str, document: Shown, answers: Sequence[str], room: Room) -> Iterator[Quote]:
    """One quote a sentence: around the first answer that stands in it, else around what is asked for."""
    for start, end in sentences(document.text):
        sentence = document.text[start:end]
        places = filter(None, (place_of(answer, sentence) for answer in answers))
        text = next(filter(None, (_around(asked, sentence, place, room) for place in (*places, None))), "")
        if text:
            weight = _HEADING_WEIGHT if start == 0 or _HEADING.match(sentence) else 1.0
            weight = weight if document.text.startswith("|") else 1.0
            yield Quote(text, any(carries(text, answer) for answer in answers), weight * overlap(asked, sentence))


def _around(asked: str, sentence: str, place: Span | None, room: Room) -> str:
    """The sentence, or the run of its words around `place` that fits and shares most with what is asked."""
    if room.fits(sentence):
        return _trimmed(sentence)
    words = [match.span() for match in re.finditer(r"\S+", sentence)]
    needed = [n for n, (start, end) in enumerate(words) if place and start < place[1] and place[0] < end]
    wanted = set(terms(asked))
    runs = ((run, _sense(sentence, run, wanted)) for run in _runs(sentence, words, needed, room))
    best = max(runs, key=lambda found: found[1], default=None)
    return _trimmed(sentence[slice(*best[0])]) if best else ""


def _runs(sentence: str, words: Sequence[Span], needed: Sequence[int], room: Room) -> Iterator[Span]:
    """For each first word the longest run that fits and has all the words needed, up to a word that says something."""
    for first, (start, _) in enumerate(words):
        last = _last_that_fits(sentence, words, first, room)
        if last < first or (needed and not first <= needed[0] <= needed[-1] <= last):
            continue
        while last > max((first, *needed[-1:])) and not terms(sentence[slice(*words[last])]):
            last -= 1
        yield start, words[last][1]


def _last_that_fits(sentence: str, words: Sequence[Span], first: int, room: Room) -> int:
    last, taken = first - 1, 0
    for number in range(first, min(first + room.words, len(words))):
        taken += pieces(sentence[slice(*words[number])])
        if taken > room.pieces:
            break
        last = number
    return last


def _sense(sentence: str, run: Span, wanted: set[str]) -> tuple[int, bool, int]:
    """How good a run is to quote: what it shares with the question, and that it begins where a thought begins."""
    start, end = run
    shared = len(wanted & set(terms(sentence[start:end])))
    before = sentence[:start].rstrip()
    return shared, not before or before[-1] in ",;:|.(", -start


def _trimmed(text: str) -> str:
    """`text` on one line, without the bars of a table at its ends."""
    return " ".join(text.split()).strip(_EDGE)


def first_carried(answers: Iterable[str], quotes: Sequence[str]) -> str | None:
    """The first answer of which every part stands in one of the quotes."""
    return next((one for one in answers if all(_in_any(part, quotes) for part in parts_of(one))), None)


def _in_any(part: str, quotes: Sequence[str]) -> bool:
    return any(find_quote(part, quote) for quote in quotes)
