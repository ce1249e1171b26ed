"""The `<answer>` section: what the documents say, with `[n]` for the document that says it, or that they do not say."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rag_reasoner.tasks.scaffold import Literal, Marked, Piece
from rag_reasoner.tasks.tags import STOPS, section, wrap
from rag_reasoner.types import Fault

TAG = "answer"
ABSTENTION = "The documents do not say."
ANSWER_TOKENS = 160
INSTRUCTION = (
    "Then answer the question in a few words from the documents alone, with [n] for the document that says it, "
    f"or write: {ABSTENTION}"
)

_NAME = r"(?:doc(?:ument)?|passage|page|source)\s*+#?"
_CITED = re.compile(rf"\[\s*+({_NAME})?\s*+([0-9]++(?:\s*+[,;]\s*+[0-9]++)*+)\s*+\]", re.IGNORECASE)
_LINE = re.compile(r"^[ \t*#>]*+(?:final )?answer[ \t*]*+:[ \t*]*+(.+)", re.IGNORECASE | re.MULTILINE)
_BEFORE_STOP = re.compile(r"(?<! ) ++(?=[.,;:!?]|$)")
_ABSTENTION = re.compile(r"\W*+the documents? do(?:es)? not say\W*", re.IGNORECASE)


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
    yield Marked(("\n\n", *STOPS), ANSWER_TOKENS)
    yield Literal(f"</{TAG}>")


def parse(reply: str, count: int) -> tuple[Statement | None, tuple[Fault, ...]]:
    """The answer that the reply states; marks of documents that were not shown are taken out of its text."""
    found = section(reply, TAG)
    text = found.text.strip() if found else _last_line(reply)
    if not text:
        return None, (Fault("no_answer", "no <answer>"),)
    cited, foreign = _cited(text, count)
    faults = (*(found.faults if found else ()), *_foreign(foreign, count))
    if foreign or any(mark[1] for mark in _CITED.finditer(text)):
        text = _without(text, count)
    if _ABSTENTION.fullmatch(text):
        return Statement(ABSTENTION, abstained=True), faults
    return Statement(text, cited), faults if cited else (*faults, Fault("uncited"))


def unmarked(text: str) -> str:
    """The words of an answer without marks; the abstention as it is to be spelt, where they say that or nothing."""
    words = remark(text, {})
    return words if words and not _ABSTENTION.fullmatch(words) else ABSTENTION


def _foreign(numbers: Sequence[int], count: int) -> Iterator[Fault]:
    return (Fault("out_of_range", f"the answer cites document {n} of {count}") for n in numbers)


def _last_line(reply: str) -> str:
    """The last line that says "Answer: …", for replies without the tag."""
    lines = _LINE.findall(reply)
    return lines[-1].strip() if lines else ""


def _cited(text: str, count: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    mentions = dict.fromkeys(n for mark in _CITED.finditer(text) for n in _numbers(mark))
    inside = tuple(n - 1 for n in mentions if 1 <= n <= count)
    return inside, tuple(n for n in mentions if not 1 <= n <= count)


def _numbers(mark: re.Match[str]) -> list[int]:
    """The numbers of a mark; those too long for any document count as 0, which no document has."""
    return [int(number) if len(number.strip()) <= 6 else 0 for number in re.split(r"[,;]", mark[2])]


def _without(text: str, count: int) -> str:
    return remark(text, {n: n for n in range(1, count + 1)})


def remark(text: str, numbers: dict[int, int]) -> str:
    """`text` with every mark `[n]` renumbered; marks that `numbers` does not know are taken out."""

    def one(mark: re.Match[str]) -> str:
        known = [str(numbers[n]) for n in _numbers(mark) if n in numbers]
        return f"[{', '.join(known)}]" if known else ""

    return _BEFORE_STOP.sub("", _CITED.sub(one, text)).strip()


def cite(text: str, places: Sequence[int]) -> Statement:
    """A statement that ends with the marks of the documents it rests on."""
    marks = "".join(f"[{place + 1}]" for place in places)
    return Statement(f"{text} {marks}".strip(), tuple(places))
