"""A result as plain text, for `print`. (The command line has colours of its own.)"""

from collections.abc import Iterator

from rag_reasoner.results.result import Result
from rag_reasoner.types import FAULTS, Answer, Citation, Document, Fault, Judgement

MARKS = {"exact": "✓ verified", "normalised": "✓ verified", "none": "✗ not found"}
"""How a quote's verification is shown."""

_MOST_QUOTE, _MOST_NAMED = 160, 3

_CONTROLS = (*range(9), *range(11, 32), *range(127, 160))
_BIDIRECTIONAL = (0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A))
_SURROGATES = range(0xD800, 0xE000)
_COMMANDS = dict.fromkeys((*_CONTROLS, *_BIDIRECTIONAL, *_SURROGATES), "�")


def as_text(result: Result) -> str:
    return printable("\n".join(_lines(result)))


def printable(text: str) -> str:
    """`text`, as long as before, without characters that command a terminal, turn text round, or are none."""
    return text.translate(_COMMANDS)


def _lines(result: Result) -> Iterator[str]:
    yield headline(result)
    for judgement in result.ranked:
        yield ""
        yield from _judgement(judgement)
    if result.answer:
        yield ""
        yield f"Answer  {answer_line(result.answer)}"
    for note in notes(result):
        yield f"! {note}"


def headline(result: Result) -> str:
    """Counts of what happened, in one line."""
    total = len(result.ranked) + len(result.dropped)
    seconds = sum(result.timings.values())
    parts = [counted(total, "candidate"), f"{len(result.dropped)} dropped", f"{len(result.ranked)} ranked"]
    parts += [f"{seconds:.1f} s", f"{result.usage.tokens:,} tokens"]
    agreement = [] if result.agreement is None else [f"agreement of the shuffles {result.agreement:.2f}"]
    return " · ".join(parts + agreement)


def _judgement(judgement: Judgement) -> Iterator[str]:
    yield f"{judgement.rank:>2}  {place(judgement)}  {chance(judgement.probability)}".rstrip()
    for citation in judgement.citations:
        yield f"    {quote_line(citation)}"
    if judgement.reasoning:
        yield f"    why ({judgement.reasoned_by}): {why(judgement)}"


def place(judgement: Judgement) -> str:
    """Where the judged document is from."""
    return place_of(judgement.candidate.document)


def place_of(document: Document) -> str:
    """Where a document is from: its file and page, or its id."""
    name = _file_name(document.source or document.id)
    return f"{name}  p. {document.page}" if document.page else name


def _file_name(source: str) -> str:
    return source.replace("\\", "/").rsplit("/", 1)[-1]


def counted(number: int, noun: str) -> str:
    """1 page, 2 pages."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def chance(probability: float | None) -> str:
    return "" if probability is None else f"{probability:.2f}"


def quoted(citation: Citation, most: int | None = _MOST_QUOTE) -> str:
    """The words of a quote, shortened to `most` characters, in quotation marks; nothing where there are none."""
    words = " ".join(citation.quote.split())
    return f"“{words if most is None else shortened(words, most)}”" if words else ""


def mark(citation: Citation) -> str:
    """What became of looking the quote up."""
    if not citation.quote.strip():
        return "✗ no quote"
    return MARKS[citation.verified] + (" (hidden text)" if citation.hidden else "")


def quote_line(citation: Citation) -> str:
    """A shortened quote, with its mark."""
    return "  ".join(filter(None, (quoted(citation), mark(citation))))


def why(judgement: Judgement) -> str:
    """The reasoning, without a quote that is shown as a citation anyway."""
    verdict, opened, _ = judgement.reasoning.partition(": “")
    return verdict if opened and judgement.citations else judgement.reasoning


def shortened(text: str, most: int) -> str:
    """`text` up to a blank before its `most`th character."""
    return text if len(text) <= most else f"{text[:most].rsplit(' ', 1)[0]} …"


def answer_line(answer: Answer) -> str:
    return f"{answer.text}   (by {answer.answered_by})" if answer.answered_by else answer.text


def notes(result: Result) -> list[str]:
    """The faults, each kind once with its count, and whether the order can be trusted."""
    unread = [f"{fault.source}: {fault.detail}" for fault in result.faults if fault.kind == "unread"]
    others: dict[str, list[str]] = {}
    for fault in result.faults:
        if fault.kind != "unread":
            others.setdefault(fault.kind, []).append(_named(fault))
    lines = [_note(kind, details, FAULTS.get(kind, kind)) for kind, details in others.items()]
    return unread + (["degraded: the order is not wholly a trained model's own"] if result.degraded else []) + lines


def _named(fault: Fault) -> str:
    """What a fault says, with the file that it is about."""
    return ", ".join(filter(None, (_file_name(fault.source) if fault.source else "", fault.detail)))


def _note(kind: str, details: list[str], meaning: str) -> str:
    named = [detail for detail in dict.fromkeys(details) if detail]
    times = f" ({len(details)} times)" if len(details) > 1 else ""
    more = " …" if len(named) > _MOST_NAMED else ""
    return f"{kind}{times}: {meaning}{': ' if named else ''}{'; '.join(named[:_MOST_NAMED])}{more}"
