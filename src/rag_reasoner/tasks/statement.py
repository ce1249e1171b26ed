"""The `<answer>` section: what the documents say, with `[n]` for the document that says it, or that they do not say."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rag_reasoner.tasks.scaffold import Free, Literal, Piece
from rag_reasoner.tasks.tags import section, wrap
from rag_reasoner.types import Fault

TAG = "answer"
ABSTENTION = "The documents do not say."
ANSWER_TOKENS = 160
INSTRUCTION = (
    "Then answer the question in a few words from the documents alone, with [n] for the document that says it, "
    f"or write: {ABSTENTION}"
)

_CITED = re.compile(r"\[\s*([0-9]{1,6}(?:\s*[,;]\s*[0-9]{1,6})*)\s*\]")
_ABSTENTION = re.compile(r"\W*the documents? do(?:es)? not say\W*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Statement:
    """An answer with its `[n]` marks; `cited` are the documents 0..n-1 in the order of first mention."""

    text: str
    cited: tuple[int, ...] = ()
    abstained: bool = False


def render(statement: Statement) -> str:
    return wrap(TAG, ABSTENTION if statement.abstained else statement.text)


def scaffold() -> Iterator[Piece]:
    yield Literal(f"<{TAG}>")
    yield Free(("</", "\n\n"), ANSWER_TOKENS)
    yield Literal(f"</{TAG}>")


def parse(reply: str, count: int) -> tuple[Statement | None, tuple[Fault, ...]]:
    """The answer that the reply states; marks of documents that were not shown are taken out of its text."""
    found = section(reply, TAG)
    text = found.text.strip() if found else ""
    if found is None or not text:
        return None, (Fault("no_answer", "no <answer>"),)
    if _ABSTENTION.fullmatch(text):
        exact = text == ABSTENTION
        return Statement(ABSTENTION, abstained=True), (*found.faults, *(() if exact else (_STRAYED,)))
    cited, foreign = _cited(text, count)
    faults = [*found.faults]
    faults += [Fault("out_of_range", f"the answer cites document {n} of {count}") for n in foreign]
    faults += [] if cited else [Fault("uncited")]
    return Statement(_without(text, count) if foreign else text, cited), tuple(faults)


_STRAYED = Fault("misformatted", "the abstention")


def _cited(text: str, count: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    mentions = dict.fromkeys(n for mark in _CITED.finditer(text) for n in _numbers(mark))
    inside = tuple(n - 1 for n in mentions if 1 <= n <= count)
    return inside, tuple(n for n in mentions if not 1 <= n <= count)


def _numbers(mark: re.Match[str]) -> list[int]:
    return [int(number) for number in re.split(r"[,;]", mark[1])]


def _without(text: str, count: int) -> str:
    return remark(text, {n: n for n in range(1, count + 1)})


def remark(text: str, numbers: dict[int, int]) -> str:
    """`text` with every mark `[n]` renumbered; marks that `numbers` does not know are taken out."""

    def one(mark: re.Match[str]) -> str:
        known = [str(numbers[n]) for n in _numbers(mark) if n in numbers]
        return f"[{', '.join(known)}]" if known else ""

    return re.sub(r" +(?=[.,;:!?]|$)", "", _CITED.sub(one, text)).strip()


def cite(text: str, places: Sequence[int]) -> Statement:
    """A statement that ends with the marks of the documents it rests on."""
    marks = "".join(f"[{place + 1}]" for place in places)
    return Statement(f"{text} {marks}".strip(), tuple(places))
