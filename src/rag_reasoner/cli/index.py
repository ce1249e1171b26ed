"""`rag-reasoner index`: files are read, and their pages encoded, once."""

import os
from pathlib import Path
from typing import Annotated, Literal

import typer

from rag_reasoner.cli import options
from rag_reasoner.cli.build import nothing_read, progressing, read_paths, working
from rag_reasoner.cli.exits import EXIT_CODES, complain, guarded
from rag_reasoner.pages.files import find
from rag_reasoner.pages.reading import Reading
from rag_reasoner.results.text import counted
from rag_reasoner.retrieve.index import PageIndex, Update
from rag_reasoner.retrieve.index.changes import Changes
from rag_reasoner.types import Fault

EXAMPLES = f"""
Examples:

  rag-reasoner index reports/ --out my-index

  rag-reasoner index reports/ --out my-index --retriever hybrid --model path/to/page-retriever

  rag-reasoner search my-index "Who signed it?"

{EXIT_CODES}
"""


@guarded
def index(
    paths: Annotated[list[str], typer.Argument(metavar="PATHS…", help="Files or folders.")],
    out: Annotated[Path, typer.Option(help="The folder of the index; one that is there is brought up to date.")],
    retriever: Annotated[
        Literal["lexical", "colpali", "hybrid"] | None,
        typer.Option(help="Find pages by their words, by sight, or both. Default: what the index is, else lexical."),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option("--model", "-m", help="The page retriever, a hub id or a folder: for colpali and hybrid."),
    ] = None,
    batch_size: Annotated[int, typer.Option(min=1, help="Pages that the model reads at once.")] = 4,
    storage: Annotated[
        Literal["float32", "float16", "int8", "binary"] | None,
        typer.Option(help="How a new index keeps its vectors. Default: float16."),
    ] = None,
    pool: Annotated[
        int | None, typer.Option(min=1, help="A new index keeps one vector for so many tokens. Default: 1.")
    ] = None,
    password: options.Password = None,
    ocr: options.Ocr = None,
) -> None:
    """Index PDFs, images and texts: only new and changed files are read, pages of deleted files are forgotten."""
    with working("opening the index"):
        made = PageIndex.create(out, retriever, model, batch_size=batch_size, storage=storage, pool=pool)
    # Whole paths, so that the index can be asked from anywhere; links stay as they are named.
    found = find([os.path.abspath(path) for path in paths])  # noqa: PTH100
    changed = made.changes(found.files)
    reading = read_paths(list(changed.changed), password, ocr) if changed.changed else Reading((), (), 0)
    unread = tuple(Fault("unread", one.reason, source=one.source) for one in found.unread)
    with progressing("encoding pages") as tell:
        done = made.update(changed, reading.documents, progress=tell)
    faults = (*unread, *reading.faults, *done.faults)
    if not len(made):
        nothing_read(faults)
    complain(faults)
    typer.echo(_told(changed, reading, done, len(made)))


def _told(changed: Changes, reading: Reading, done: Update, pages: int) -> str:
    """What was done, in one line."""
    parts = [
        f"{counted(pages, 'page')} in the index",
        f"{counted(done.pages, 'page')} of {counted(reading.files, 'file')} new or changed",
        f"{counted(changed.unchanged, 'file')} unchanged",
    ]
    if done.encoded:
        parts.append(f"{counted(done.encoded, 'page')} encoded")
    if changed.gone:
        parts.append(f"{counted(done.removed, 'page')} of {counted(len(changed.gone), 'deleted file')} forgotten")
    return " · ".join(parts)
