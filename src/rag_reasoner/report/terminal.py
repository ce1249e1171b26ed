"""A result in the terminal: ranked pages with quotes and reasons, and the answer."""

from collections.abc import Iterator

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from rag_reasoner.results.result import Result
from rag_reasoner.results.text import chance, headline, mark, notes, place, printable, quoted, shortened, why
from rag_reasoner.types import Citation, Judgement

_SHORT_QUOTE, _SHORT_REASON = 150, 200


class _Terminal(Console):
    def on_broken_pipe(self) -> None:
        """Left to the command, which ends well; rich would end the process with an error."""
        raise BrokenPipeError


def print_result(
    result: Result, *, found: str = "", top_k: int, full: bool = False, console: Console | None = None
) -> None:
    """Print `result`: the first `top_k` of the ranking, or everything with `full`.

    A terminal gets lines that keep their indentation where they wrap; a pipe gets them whole.
    """
    out = console or _Terminal(highlight=False)
    for line in _lines(result, found, top_k, full):
        line.plain = printable(line.plain)
        out.print(_hanging(line) if out.is_terminal else line, soft_wrap=not out.is_terminal)


def _hanging(line: Text) -> Padding:
    indent = len(line.plain) - len(line.plain.lstrip())
    return Padding(line[indent:], (0, 0, 0, indent))


def _lines(result: Result, found: str, top_k: int, full: bool) -> Iterator[Text]:
    parts = (found, headline(result), f"model {result.model}")
    yield Text(" · ".join(filter(None, parts)), style="dim")
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


def _judgement(judgement: Judgement, full: bool) -> Iterator[Text]:
    line = Text(f"{judgement.rank:>2}  ").append(place(judgement), style="bold")
    yield line.append(f"   {chance(judgement.probability)}".rstrip())
    for citation in judgement.citations:
        yield Text("    ").append_text(_quote(citation, full))
    if judgement.reasoning:
        reason = why(judgement) if full else shortened(why(judgement), _SHORT_REASON)
        yield Text(f"    why ({judgement.reasoned_by}): {reason}")


def _quote(citation: Citation, full: bool) -> Text:
    words = quoted(citation, None if full else _SHORT_QUOTE)
    style = "green" if citation.verified != "none" else "red"
    return Text(f"{words}  " if words else "").append(mark(citation), style=style)


def _answer(result: Result) -> Iterator[Text]:
    answer = result.answer
    if answer is None:
        return
    by = f" (by {answer.answered_by})" if answer.answered_by != result.model else ""
    text = Text(f"Answer{by}  ").append(answer.text, style="bold")
    yield text.append(f"   ({len(result.dropped)} dropped: --explain full)" if result.dropped else "", style="dim")
    for citation in answer.citations:
        yield Text("    ").append_text(_quote(citation, full=False)).append(f"  {citation.document_id}", style="dim")


def _dropped(result: Result) -> Iterator[Text]:
    if result.dropped:
        yield Text()
        yield Text("Dropped", style="bold")
    for dropped in result.dropped:
        yield Text(f"    {dropped.candidate.document.id}   {chance(dropped.probability)}   {dropped.reason}")
