"""`rag-reasoner search`: pages of an index, without a reranker."""

import json as json_module
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from rag_reasoner.candidates import checked_query
from rag_reasoner.cli import options
from rag_reasoner.cli.build import working
from rag_reasoner.cli.exits import EXIT_CODES, guarded
from rag_reasoner.results.text import place_of, printable
from rag_reasoner.retrieve.index import PageIndex
from rag_reasoner.types import Candidate

EXAMPLES = f"""
Examples:

  rag-reasoner search my-index "Who signed it?"

  rag-reasoner search my-index "Who signed it?" --top-k 5 --json

{EXIT_CODES}
"""


@guarded
def search(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="What rag-reasoner index made.")],
    query: Annotated[str, typer.Argument(help="What is asked.")],
    top_k: Annotated[int, typer.Option("--top-k", "-k", min=1, help="How many pages to show.")] = 10,
    model: Annotated[
        str | None, typer.Option("--model", "-m", help="Where the index's page retriever is now, if it has moved.")
    ] = None,
    json: options.Json = False,
) -> None:
    """Find pages in an index, the best first, with the score of each first stage."""
    asked = checked_query(query)
    with working("opening the index"):
        found = PageIndex.open(folder, model).retriever.retrieve(asked, top_k)
    if json:
        typer.echo(json_module.dumps([_plain(one) for one in found], ensure_ascii=False, indent=2))
    else:
        typer.echo("\n".join(_lines(found)))


def _lines(found: Sequence[Candidate]) -> Iterator[str]:
    if not found:
        yield "no page was found"
    for one in found:
        scores = "  ".join(f"{name} {score:.4g}" for name, score in one.scores.items())
        yield printable(f"{one.position + 1:>3}  {place_of(one.document)}  {scores}")


def _plain(one: Candidate) -> dict[str, Any]:
    document = one.document
    return {
        "rank": one.position + 1,
        "id": document.id,
        "source": document.source,
        "page": document.page,
        "scores": dict(one.scores),
        "regions": [list(box) for box in one.regions],
        "text": document.text,
    }
