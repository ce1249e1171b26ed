"""A result as plain text, for `print`. (The command line has colours of its own.)"""

from collections.abc import Iterator

from rag_reasoner.results.result import Result
from rag_reasoner.types import Answer, Citation, Judgement

MARKS = {"exact": "✓ verified", "normalised": "✓ verified", "none": "✗ not found"}
"""How a quote's verification is shown."""

_MOST_QUOTE = 160


def as_text(result: Result) -> str:
    return "\n".join(_lines(result))


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
    parts = [f"{total} candidates", f"{len(result.dropped)} dropped", f"{len(result.ranked)} ranked"]
    return " · ".join([*parts, f"{seconds:.1f} s", f"{result.usage.tokens:,} tokens"])


def _judgement(judgement: Judgement) -> Iterator[str]:
    yield f"{judgement.rank:>2}  {place(judgement)}  {chance(judgement.probability)}"
    for citation in judgement.citations:
        yield f"    {quote_line(citation)}"
    if judgement.reasoning:
        yield f"    why ({judgement.reasoned_by}): {judgement.reasoning}"


def place(judgement: Judgement) -> str:
    """Where the document is from: its file and page, or its id."""
    document = judgement.candidate.document
    name = (document.source or document.id).replace("\\", "/").rsplit("/", 1)[-1]
    return f"{name}  p. {document.page}" if document.page else name


def chance(probability: float | None) -> str:
    return "" if probability is None else f"{probability:.2f}"


def quote_line(citation: Citation) -> str:
    """A shortened quote, with its mark."""
    words = " ".join(citation.quote.split())
    short = words if len(words) <= _MOST_QUOTE else f"{words[:_MOST_QUOTE].rsplit(' ', 1)[0]} …"
    hidden = " (hidden text)" if citation.hidden else ""
    return f"“{short}”  {MARKS[citation.verified]}{hidden}" if words else MARKS[citation.verified]


def answer_line(answer: Answer) -> str:
    return f"{answer.text}   (by {answer.answered_by})" if answer.answered_by else answer.text


def notes(result: Result) -> list[str]:
    """The faults, each kind once with its count, and whether the order can be trusted."""
    from rag_reasoner.types import FAULTS

    counts: dict[str, list[str]] = {}
    for fault in result.faults:
        counts.setdefault(fault.kind, []).append(fault.detail)
    lines = [_note(kind, details, FAULTS.get(kind, kind)) for kind, details in counts.items()]
    return (["degraded: the order is not wholly a trained model's own"] if result.degraded else []) + lines


def _note(kind: str, details: list[str], meaning: str) -> str:
    times = f" ({len(details)} times)" if len(details) > 1 else ""
    example = f": {details[0]}" if details[0] else ""
    return f"{kind}{times}: {meaning}{example}"
