"""The `<evidence>` section: one line per document, with a verdict and a verbatim quote or a short reason."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from rag_reasoner.tasks.relevance import NO, YES
from rag_reasoner.tasks.scaffold import Choice, Evidenced, Literal, Piece
from rag_reasoner.tasks.shown import Shown
from rag_reasoner.tasks.tags import section
from rag_reasoner.types import Fault

TAG = "evidence"
LINE_TOKENS = 56
"""Enough for a line: its number, its verdict and a quote of some 35 words."""

INSTRUCTION = (
    "Write one line for each document: its number, yes or no, and then, in double quotes, words copied exactly from it "
    "that help to answer, or else a short reason."
)

_STRICT = re.compile(rf'\[([0-9]{{1,6}})\] ({YES}|{NO}): (?:"(.*)"|([^"“”«].*)?)')
_LENIENT = re.compile(
    r"(?:\s*+[0-9]{1,3}[.)]\s++(?=[\[(]))?[\s>*#•+\-]*+[\[(]?\s*+(?:doc(?:ument)?|passage|page|image|source)?\s*+[#:]?\s*+"
    r"(-?[0-9]{1,6})\s*+[\])]?[\s*:.,)\-–—]*+"
    r"(?:relevan(?:t|ce)\s*+[:=]\s*+)?(?:(yes|no|relevant|irrelevant|not relevant)\b)?[\s*:.,\-–—]*+(.*)",
    re.IGNORECASE,
)
_QUOTED = re.compile(r'[^"“”«]*+["“”«](.+)["”»]')
_UNCLOSED = re.compile(r'[^"“”«]*+["“”«](.+)\s')


@dataclass(frozen=True, slots=True)
class Evidence:
    """One line: document `number` (1..n as shown), the verdict, and a quote or a reason, never both.

    `relevant` is None where the reply states no verdict.
    """

    number: int
    relevant: bool | None
    quote: str = ""
    reason: str = ""


def render(lines: Iterable[Evidence]) -> str:
    return "".join(f"{_render_line(line)}\n" for line in lines)


def _render_line(line: Evidence) -> str:
    said = f'"{_one_line(line.quote)}"' if line.quote else _one_line(line.reason)
    return f"[{line.number}] {YES if line.relevant else NO}: {said}"


def _one_line(text: str) -> str:
    return " ".join(text.split())


def scaffold(shown: Sequence[Shown], *, said_in: tuple[str, ...] | None = None) -> Iterator[Piece]:
    """`said_in`: passages of the first document, which is known to help; None where that is not known."""
    for number, document in enumerate(shown, 1):
        helping = said_in if number == 1 else None
        yield Literal(f"[{number}] ")
        yield Literal(YES) if helping is not None else Choice((YES, NO))
        yield Literal(":")
        yield Evidenced(helping or document.pieces(), LINE_TOKENS, quoted_after=f"{YES}:")
        yield Literal("\n")


def quoted(reply: str) -> tuple[int, ...]:
    """The numbers of the documents that `reply`, finished or not, quotes in lines that keep the format."""
    found = (_STRICT.fullmatch(line) for line in reply.split("\n"))
    return tuple(dict.fromkeys(int(line[1]) for line in found if line and line[3]))


def parse(reply: str, shown: Sequence[Shown]) -> tuple[tuple[Evidence, ...], tuple[Fault, ...]]:
    """The lines that could be read, in the order of the documents, and what was wrong."""
    found = section(reply, TAG)
    if found is None:
        return (), (Fault("missing", "there is no <evidence>"),)
    lines: dict[int, Evidence] = {}
    faults = list(found.faults)
    for text in filter(str.strip, found.text[: _room(len(shown))].split("\n")):
        line = _parse_line(text)
        if line is None:
            faults.append(Fault("unreadable", "a line of evidence"))
        elif not 1 <= line.number <= len(shown):
            faults.append(Fault("out_of_range", f"evidence for document {line.number} of {len(shown)}"))
        elif line.number in lines:
            faults.append(Fault("duplicate", f"evidence for document {line.number}"))
        else:
            lines[line.number] = line
    read = tuple(lines[number] for number in sorted(lines))
    return read, (*faults, *_missing(lines, len(shown)), *_unverified(read, shown))


def _room(count: int) -> int:
    """The most characters that lines of evidence may take; what follows is noise."""
    return 2000 + 2000 * count


def _parse_line(text: str) -> Evidence | None:
    if strict := _STRICT.fullmatch(text):
        number, verdict, quote, reason = strict.groups()
        return Evidence(int(number), verdict == YES, (quote or "").strip(), (reason or "").strip())
    if lenient := _LENIENT.match(text):
        number, verdict, said = lenient.groups()
        quote = _quoted(said)
        return Evidence(int(number), _verdict(verdict), quote, "" if quote else said.strip())
    return None


def _quoted(said: str) -> str:
    """What stands in quotation marks; of a quote that was cut off, all but the last word, perhaps a piece of one."""
    quoted = _QUOTED.match(said) or _UNCLOSED.match(said)
    return quoted[1].strip() if quoted else ""


def _verdict(word: str | None) -> bool | None:
    return word.lower() in (YES, "relevant") if word else None


def _missing(lines: dict[int, Evidence], count: int) -> Iterator[Fault]:
    return (Fault("missing", f"no evidence for document {n}") for n in range(1, count + 1) if n not in lines)


def _unverified(lines: Iterable[Evidence], shown: Sequence[Shown]) -> Iterator[Fault]:
    for line in lines:
        if line.quote and shown[line.number - 1].locate(line.quote) is None:
            yield Fault("unverified_quote", f"document {line.number}")
