"""A result as HTML, for notebooks: no scripts, no references to anything outside; every text is escaped."""

from collections.abc import Iterator
from html import escape

from rag_reasoner.results.result import Result
from rag_reasoner.results.text import answer_line, chance, headline, notes, place, printable, quote_line, why
from rag_reasoner.types import Judgement

_CELL = "style='text-align:left;vertical-align:top'"


def as_html(result: Result) -> str:
    return printable("".join(_parts(result)))


def _parts(result: Result) -> Iterator[str]:
    yield f"<div><p><b>{escape(result.query)}</b><br>{escape(headline(result))}</p>"
    if result.answer:
        yield f"<p>{escape(answer_line(result.answer))}</p>"
    yield "<table><tr><th></th><th>document</th><th>P</th><th>evidence</th></tr>"
    yield from map(_row, result.ranked)
    yield "</table>"
    if result.dropped:
        yield f"<details><summary>{len(result.dropped)} dropped</summary><ul>"
        for dropped in result.dropped:
            name = escape(dropped.candidate.document.id)
            yield f"<li>{name} {chance(dropped.probability)}: {escape(dropped.reason)}</li>"
        yield "</ul></details>"
    yield "".join(f"<p><small>{escape(note)}</small></p>" for note in notes(result))
    yield "</div>"


def _row(judgement: Judgement) -> str:
    quotes = "".join(f"<div>{escape(quote_line(citation))}</div>" for citation in judgement.citations)
    reasons = f"<div><small>{escape(judgement.reasoned_by)}: {escape(why(judgement))}</small></div>"
    cells = (str(judgement.rank), escape(place(judgement)), chance(judgement.probability), quotes + reasons)
    return f"<tr>{''.join(f'<td {_CELL}>{cell}</td>' for cell in cells)}</tr>"
