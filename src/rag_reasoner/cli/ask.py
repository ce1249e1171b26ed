"""`rag-reasoner ask`: the main job."""

import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import typer

from rag_reasoner.candidates import checked_query
from rag_reasoner.cli import options
from rag_reasoner.cli.build import Asked, documents, reranker, server_of, working
from rag_reasoner.cli.exits import EXIT_CODES, guarded
from rag_reasoner.errors import InvalidInput
from rag_reasoner.pages.reading import Reading
from rag_reasoner.report.terminal import print_result
from rag_reasoner.results.text import counted
from rag_reasoner.retrieve.first import find_pages
from rag_reasoner.retrieve.index import PageIndex
from rag_reasoner.types import Candidate, Fault

EXAMPLES = f"""
Examples:

  rag-reasoner ask examples/pdfs "How many cases were there in FY 2015?"

  rag-reasoner ask report.pdf notes/ "Who signed it?" --explain full

  rag-reasoner ask scan.png "What is shown?" --model my/vision-model --json

  rag-reasoner ask --index my-index "Who signed it?"

  rag-reasoner ask notes.md -- "-40 °C is how many °F?"

{EXIT_CODES}
"""


@guarded
def ask(
    paths_and_question: Annotated[
        list[str], typer.Argument(metavar="PATHS… QUESTION", help="Files or folders, and the question last.")
    ],
    index: Annotated[
        Path | None, typer.Option(help="Ask what rag-reasoner index made, instead of files and folders.")
    ] = None,
    model: options.Model = None,
    base_url: options.BaseUrl = None,
    context: options.Context = None,
    dialect: options.Dialect = None,
    reads_images: options.ReadsImages = False,
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
    if not paths and index is None:
        raise InvalidInput(f"only one argument was given ({question!r}): give files or folders, and then the question")
    if paths and index is not None:
        raise InvalidInput(
            f"files ({paths[0]!r}) and --index were given: ask either, with the question as one argument"
        )
    query = checked_query(question)
    server = server_of(base_url, context, dialect, reads_images)
    asked = Asked(model, filter_model, format, keep, seconds, tokens, shuffles, seed, server)
    if index is not None:
        found = _indexed(index, query, fetch_k, password)
        reasoner = reranker(asked)
    else:
        started = time.monotonic()
        reading = documents(paths, password, ocr)
        seconds_read = time.monotonic() - started
        reasoner = reranker(asked)
        found = _read(reading, query, fetch_k, seconds_read, sees=reasoner.reads_images)
    with working("asking the model"):
        result = reasoner.answer(query, found.candidates)
    result = replace(result, timings={**found.timings, **result.timings}).with_faults(found.faults)
    if json:
        typer.echo(result.to_json(indent=2))
    else:
        print_result(result, found=found.counts, top_k=top_k, full=explain == "full")


@dataclass(frozen=True, slots=True)
class _Found:
    """What the model is asked about, how it was found, and what went wrong with that."""

    candidates: list[Candidate]
    faults: tuple[Fault, ...]
    counts: str
    timings: dict[str, float]


def _read(reading: Reading, query: str, fetch_k: int, seconds_read: float, *, sees: bool) -> _Found:
    """Pages that share words with the question, then, for a model that sees, pages that have no words."""
    started = time.monotonic()
    found = find_pages(reading.documents, query, fetch_k, sees=sees)
    counts = f"{counted(reading.files, 'file')}, {counted(len(reading.documents), 'page')}"
    timings = {"read": seconds_read, "retrieve": time.monotonic() - started}
    return _Found(found, reading.faults, counts, timings)


def _indexed(folder: Path, query: str, fetch_k: int, password: str | None) -> _Found:
    """Pages that the index finds; their files are read only where they still are what was indexed."""
    started = time.monotonic()
    with working("searching the index"):
        index = PageIndex.open(folder)
        found = [_opened(one, password) for one in index.retriever.retrieve(query, fetch_k)]
        faults = index.vouch(found)
    counts = f"{counted(len(index.manifest.files), 'file')}, {counted(len(index), 'page')}"
    return _Found(found, faults, counts, {"retrieve": time.monotonic() - started})


def _opened(candidate: Candidate, password: str | None) -> Candidate:
    """The candidate with the password of its file, which an index does not keep."""
    document = candidate.document
    if password is None or document.image is None:
        return candidate
    return replace(candidate, document=replace(document, image=replace(document.image, password=password)))
