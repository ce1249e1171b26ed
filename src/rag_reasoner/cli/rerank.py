"""`rag-reasoner rerank`: rank candidates that are already there."""

from pathlib import Path
from typing import Annotated

import typer

from rag_reasoner.candidates import checked_query
from rag_reasoner.cli import options
from rag_reasoner.cli.build import Asked, nothing_read, read_paths, reranker, server_of, working
from rag_reasoner.cli.candidates_file import read_candidates
from rag_reasoner.cli.exits import EXIT_CODES, guarded
from rag_reasoner.report.terminal import print_result
from rag_reasoner.types import Document, Fault

EXAMPLES = f"""
Examples:

  rag-reasoner rerank "Who signed the act?" --candidates candidates.jsonl

  rag-reasoner rerank "Who signed it?" -c page1.png -c page2.png --answer

A line of the file: {{"id": "a", "text": "...", "title": "...", "image": "a.png"}}

The id is needed, and a text or an image; other fields are kept as metadata.

{EXIT_CODES}
"""


@guarded
def rerank(
    question: Annotated[str, typer.Argument(help="What is asked.")],
    candidates: Annotated[
        list[str], typer.Option("--candidates", "-c", help="A .jsonl file, or files and folders to read. May repeat.")
    ],
    answer: Annotated[bool, typer.Option("--answer", help="Answer from the candidates too.")] = False,
    model: options.Model = None,
    base_url: options.BaseUrl = None,
    context: options.Context = None,
    dialect: options.Dialect = None,
    reads_images: options.ReadsImages = False,
    filter_model: options.FilterModel = None,
    format: options.Format = None,
    keep: options.Keep = "auto",
    top_k: options.TopK = 20,
    explain: options.Explain = "short",
    password: options.Password = None,
    ocr: options.Ocr = None,
    seconds: options.Seconds = None,
    tokens: options.Tokens = None,
    shuffles: options.Shuffles = 1,
    seed: options.Seed = 0,
    json: options.Json = False,
) -> None:
    """Rank candidates from a file, or pages, for a question; with --answer, answer from them."""
    query = checked_query(question)
    server = server_of(base_url, context, dialect, reads_images)
    given, faults = _given(candidates, password, ocr)
    reasoner = reranker(Asked(model, filter_model, format, keep, seconds, tokens, shuffles, seed, server))
    with working("asking the model"):
        result = reasoner.answer(query, given) if answer else reasoner.rerank(query, given)
    result = result.with_faults(faults)
    if json:
        typer.echo(result.to_json(indent=2))
    else:
        print_result(result, top_k=top_k, full=explain == "full")


def _given(paths: list[str], password: str | None, ocr: bool | None) -> tuple[list[Document], list[Fault]]:
    """The candidates of all paths, in the order given, and what could not be read."""
    given: list[Document] = []
    faults: list[Fault] = []
    for path in paths:
        if path.endswith(".jsonl"):
            read, unread = read_candidates(Path(path))
        else:
            reading = read_paths([path], password, ocr)
            read, unread = list(reading.documents), list(reading.faults)
        given += read
        faults += unread
    if not given:
        nothing_read(faults)
    return given, faults
