"""A result in the terminal: ranked pages with quotes and reasons, and the answer."""

from collections.abc import Iterator

from rich.console import Console
from rich.text import Text

from rag_reasoner.results.result import Result
from rag_reasoner.results.text import MARKS, counted, notes, place
from rag_reasoner.types import Citation, Judgement

_SHORT_QUOTE, _SHORT_REASON = 150, 200


def print_result(
    result: Result, *, found: str = "", top_k: int, full: bool = False, console: Console | None = None
) -> None:
    """Print `result`: the first `top_k` of the ranking, or everything with `full`."""
    out = console or Console(highlight=False, soft_wrap=True)
    for line in _lines(result, found, top_k, full):
        out.print(line)


def _lines(result: Result, found: str, top_k: int, full: bool) -> Iterator[Text]:
    yield Text(_headline(result, found), style="dim")
    if not result.ranked:
        yield Text("no candidate: no page shares a word with the question", style="yellow")
    for judgement in result.ranked if full else result.ranked[:top_k]:
        yield Text()
        yield from _judgement(judgement, full)
    yield Text()
    yield from _answer(result)
    if full:
        yield from _dropped(result)
    for note in notes(result):
        yield Text(f"! {note}", style="yellow")


def _headline(result: Result, found: str) -> str:
    total = len(result.ranked) + len(result.dropped)
    parts = [found] if found else []
    parts += [
        counted(total, "candidate"),
        f"{len(result.dropped)} dropped by the filter",
        f"{len(result.ranked)} ranked",
    ]
    parts += [f"{sum(result.timings.values()):.1f} s", f"{result.usage.tokens:,} tokens", f"model {result.model}"]
    return " · ".join(parts)


def _judgement(judgement: Judgement, full: bool) -> Iterator[Text]:
    chance = "    " if judgement.probability is None else f"{judgement.probability:.2f}"
    line = Text(f"{judgement.rank:>2}  ").append(place(judgement), style="bold").append(f"   {chance}")
    yield line
    for citation in judgement.citations:
        yield Text("    ").append_text(_quote(citation, full))
    if judgement.reasoning:
        reason = judgement.reasoning if full else _short(judgement.reasoning, _SHORT_REASON)
        yield Text(f"    why ({judgement.reasoned_by}): {reason}")


def _quote(citation: Citation, full: bool) -> Text:
    words = " ".join(citation.quote.split())
    shown = words if full else _short(words, _SHORT_QUOTE)
    style = "green" if citation.verified != "none" else "red"
    hidden = " (hidden text)" if citation.hidden else ""
    return Text(f"“{shown}”  ").append(MARKS[citation.verified] + hidden, style=style)


def _answer(result: Result) -> Iterator[Text]:
    answer = result.answer
    if answer is None:
        return
    by = f" (by {answer.answered_by})" if answer.answered_by != result.model else ""
    text = Text(f"Answer{by}  ").append(answer.text, style="bold")
    yield text.append(f"   ({len(result.dropped)} dropped: --explain full)" if result.dropped else "", style="dim")
    for citation in answer.citations:
        where = f"{citation.document_id}"
        yield Text("    ").append_text(_quote(citation, full=False)).append(f"  {where}", style="dim")


def _dropped(result: Result) -> Iterator[Text]:
    if result.dropped:
        yield Text("\nDropped", style="bold")
    for dropped in result.dropped:
        chance = "    " if dropped.probability is None else f"{dropped.probability:.2f}"
        yield Text(f"    {dropped.candidate.document.id}   {chance}   {dropped.reason}")


def _short(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[:most].rsplit(' ', 1)[0]} …"
