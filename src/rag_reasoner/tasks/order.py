"""The `<rank>` section: a permutation of the documents' numbers, the most helpful first."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rag_reasoner.tasks.scaffold import Literal, Permutation, Piece
from rag_reasoner.tasks.tags import section, wrap
from rag_reasoner.types import Fault

TAG = "rank"
SEPARATOR = " > "
INSTRUCTION = "Then rank all documents, the most helpful first."

_ITEM = re.compile(r"^[ \t(*]*+[0-9]++[.):][^0-9\n-]*+(-?[0-9]++)", re.MULTILINE)
_NAMED = re.compile(r"(?:doc(?:ument)?|passage|page|image|id)\s*+[#:]?\s*+\[?(-?[0-9]++(?:\.[0-9]++)?+)", re.IGNORECASE)
_BRACKETED = re.compile(r"[\[(]\s*+(-?[0-9]++)\s*+[\])]")
_NUMBER = re.compile(r"(?<![\w.])-?[0-9]++(?:\.[0-9]++)?+(?![\w.]*[0-9])")

_LABEL = re.compile(
    r"(?<![^\W_])(?:(?:final|best|rank(?:ing|ed)?|order|answer|json|documents?|docs?|passages?|pages?|images?|ids?)(?![^\W\d_]))",
    re.IGNORECASE,
)
_BARE = re.compile(r"[\s0-9\[\](){}<>/,;:→≥≻=*`.#\"'|_-]*+")
_SEPARATED = re.compile(r"[0-9][\s\])}*`\"']*+(?:[>,;→≥≻=]|->)")


@dataclass(frozen=True, slots=True)
class Order:
    """A permutation of 0..n-1; its first `stated` places come from the model, the rest keep the order shown."""

    places: tuple[int, ...]
    stated: int
    faults: tuple[Fault, ...] = ()


def render(places: Sequence[int]) -> str:
    return wrap(TAG, SEPARATOR.join(str(place + 1) for place in places))


def scaffold(count: int) -> Iterator[Piece]:
    yield Literal(f"<{TAG}>")
    yield Permutation(count, SEPARATOR)
    yield Literal(f"</{TAG}>")


def parse(reply: str, count: int, tag: str = TAG) -> Order:
    """The order that the reply states in `tag` or in a line of its own; what it leaves out follows as shown."""
    found = section(reply, tag)
    text = found.text if found else ""
    if found and found.truncated:
        text = _without_half_a_number(text, count)
    mentions = _mentions(text[: _room(count)], count) or _mentions(_bare_list(reply, count), count)
    return read_order(mentions, count, found.faults if found else ())


def _room(count: int) -> int:
    """The most characters that a ranking may take, with a word about each document; what follows is noise."""
    return 2000 + 400 * count


def _without_half_a_number(text: str, count: int) -> str:
    """The text of a ranking that was cut off, without a last number that may have had more digits."""
    rest = text.rstrip("0123456789")
    cut = text[len(rest) :]
    return rest if cut and len(cut) < len(str(count)) else text


def _mentions(text: str, count: int) -> list[str]:
    """The numbers of the documents in the way of writing that gives most documents and fewest repairs.

    In "1. Document 3" the document is 3, in "[3] (score 9)" too; in "3 > 1" the numbers stand for themselves.
    """
    readings = (way.findall(text) for way in (_ITEM, _NAMED, _BRACKETED, _NUMBER))
    return max(filter(None, readings), key=lambda mentions: _sense(mentions, count), default=[])


def _sense(mentions: Sequence[str], count: int) -> int:
    named = {place for mention in mentions if (place := _place(mention, count)) is not None}
    return 2 * len(named) - len(mentions)


def _place(mention: str, count: int) -> int | None:
    """The place 0..count-1 that a number 1..count names."""
    if len(mention) > 6 or not mention.isdigit():
        return None
    place = int(mention) - 1
    return place if 0 <= place < count else None


def _bare_list(reply: str, count: int) -> str:
    """The last line that is only a ranking, else a numbered list of all documents. Numbers in prose are neither."""
    for line in reversed(reply.splitlines()):
        if len(line) <= _room(count) and _SEPARATED.search(line) and _BARE.fullmatch(_LABEL.sub("", line)):
            return line
    listed = _ITEM.findall(reply)
    return " ".join(listed) if len(listed) == count and _sense(listed, count) == count else ""


def read_order(mentions: Sequence[str], count: int, faults: tuple[Fault, ...] = ()) -> Order:
    """The order that a list of numbers 1..count states, the first mention of each counting."""
    places: dict[int, None] = {}
    repairs: dict[str, Fault] = {}
    for mention in mentions:
        place = _place(mention, count)
        if place is None:
            repairs.setdefault("out_of_range", Fault("out_of_range", f"{mention[:20]} in a ranking of {count}"))
        elif place in places:
            repairs.setdefault("duplicate", Fault("duplicate", f"{mention} in the ranking"))
        else:
            places[place] = None
    if not places and count:
        repairs["no_answer"] = Fault("no_answer", "no ranking")
    elif len(places) < count:
        repairs["missing"] = Fault("missing", f"{count - len(places)} of {count} in the ranking")
    rest = (place for place in range(count) if place not in places)
    return Order((*places, *rest), len(places), (*faults, *repairs.values()))
