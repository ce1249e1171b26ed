"""`rag-reasoner ask`: the main job."""

import time
from dataclasses import replace
from typing import Annotated

import typer

from rag_reasoner.candidates import checked_query
from rag_reasoner.cli import options
from rag_reasoner.cli.build import Asked, documents, reranker, working
from rag_reasoner.cli.exits import EXIT_CODES, guarded
from rag_reasoner.errors import InvalidInput
from rag_reasoner.pages.reading import Reading
from rag_reasoner.report.terminal import print_result
from rag_reasoner.reranker import ReasoningReranker
from rag_reasoner.results import Result
from rag_reasoner.results.text import counted
from rag_reasoner.retrieve.lexical import LexicalRetriever
from rag_reasoner.types import Candidate

EXAMPLES = f"""
Examples:

  rag-reasoner ask examples/pdfs "How many cases were there in FY 2015?"

  rag-reasoner ask report.pdf notes/ "Who signed it?" --explain full

  rag-reasoner ask scan.png "What is shown?" --model my/vision-model --json

  rag-reasoner ask notes.md -- "-40 °C is how many °F?"

{EXIT_CODES}
"""


@guarded
def ask(
    paths_and_question: Annotated[
        list[str], typer.Argument(metavar="PATHS… QUESTION", help="Files or folders, and the question last.")
    ],
    model: options.Model = None,
    filter_model: options.FilterModel = None,
    format: options.Format = None,
    fetch_k: options.FetchK = 20,
    keep: options.Keep = "auto",
    top_k: options.TopK = 5,
    explain: options.Explain = "short",
    password: options.Password = None,
    ocr: options.Ocr = None,
    seconds: options.Seconds = None,
    tokens: options.Tokens = None,
    shuffles: options.Shuffles = 1,
    seed: options.Seed = 0,
    json: options.Json = False,
) -> None:
    """Ask PDFs, images and texts a question: ranked pages with reasons, and an answer with looked-up quotes."""
    *paths, question = paths_and_question
    if not paths:
        raise InvalidInput(f"only one argument was given ({question!r}): give files or folders, and then the question")
    query = checked_query(question)
    started = time.monotonic()
    reading = documents(paths, password, ocr)
    read_seconds = time.monotonic() - started
    reasoner = reranker(Asked(model, filter_model, format, keep, seconds, tokens, shuffles, seed))
    candidates, retrieve_seconds = _candidates(reading, query, fetch_k, reasoner)
    with working("asking the model"):
        result = reasoner.answer(query, candidates)
    timings = {"read": read_seconds, "retrieve": retrieve_seconds, **result.timings}
    result = replace(result, timings=timings).with_faults(reading.faults)
    _print(result, reading, json=json, top_k=top_k, full=explain == "full")


def _candidates(
    reading: Reading, query: str, fetch_k: int, reasoner: ReasoningReranker
) -> tuple[list[Candidate], float]:
    """Pages that share words with the question, then, for a model that sees, pages that have no words."""
    started = time.monotonic()
    found = LexicalRetriever(reading.documents).retrieve(query, fetch_k)
    silent = reading.without_text if reasoner.reads_images else ()
    extra = [Candidate(document) for document in silent[: fetch_k - len(found)]]
    return [*found, *extra], time.monotonic() - started


def _print(result: Result, reading: Reading, *, json: bool, top_k: int, full: bool) -> None:
    if json:
        typer.echo(result.to_json(indent=2))
        return
    counts = f"{counted(reading.files, 'file')}, {counted(len(reading.documents), 'page')}"
    print_result(result, found=counts, top_k=top_k, full=full)
