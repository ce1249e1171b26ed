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

_STRICT = re.compile(r"[1-9][0-9]*(?: > [1-9][0-9]*)*")
_NUMBER = re.compile(r"(?<![\w.])-?[0-9]+(?:\.[0-9]+)?(?![\w.]*[0-9])")
_MENTION = r"\[?\(?\s*(?:(?:doc(?:ument)?|passage|page|image|id)\s*#?\s*)?[0-9]{1,6}\s*\)?\]?"
_BARE_LIST = re.compile(rf"{_MENTION}(?:\s*(?:>|,|;|→|=|≥)\s*{_MENTION})+", re.IGNORECASE)


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


def parse(reply: str, count: int) -> Order:
    """The order that the reply states. What it leaves out follows in the order shown."""
    if found := section(reply, TAG):
        clean = found.text if not found.faults else None
        faults = found.faults if clean is None or _STRICT.fullmatch(clean) else (Fault("misformatted", "the ranking"),)
        return read_order(_NUMBER.findall(found.text), count, faults)
    if bare := _last_bare_list(reply):
        return read_order(_NUMBER.findall(bare), count, (Fault("misformatted", "a ranking without <rank>"),))
    return read_order([], count, ())


def _last_bare_list(reply: str) -> str | None:
    """A line that is nothing but a ranking. Numbers in prose are not one."""
    for line in reversed(reply.splitlines()):
        if _BARE_LIST.fullmatch(line.strip().strip("[]*`. ")):
            return line
    return None


def read_order(mentions: Sequence[str], count: int, faults: tuple[Fault, ...]) -> Order:
    """The order that a list of numbers 1..count states, the first mention of each counting."""
    places: dict[int, None] = {}
    repairs: dict[str, Fault] = {}
    for mention in mentions:
        place = int(mention) - 1 if mention.isascii() and mention.isdigit() and len(mention) <= 6 else -1
        if not 0 <= place < count:
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
