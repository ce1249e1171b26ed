"""Options that several commands share, each with its words in one place."""

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from rag_reasoner.errors import InvalidInput
from rag_reasoner_train.rows.card import Origin
from rag_reasoner_train.rows.order import Order as OrderName
from rag_reasoner_train.rows.reading import as_folders
from rag_reasoner_train.teacher.client import KEY, Endpoint

Folders = Annotated[
    list[Path], typer.Option("--data", help="A folder with SPLIT.jsonl (or .gz, .xz); may be given several times.")
]
Folder = Annotated[Path, typer.Option("--data", help="The folder with SPLIT.jsonl, as `data rows` wrote it.")]
Out = Annotated[Path, typer.Option(help="The folder to write into.")]
Split = Annotated[str, typer.Option(help="Which file: SPLIT.jsonl.")]
Seed = Annotated[int, typer.Option(help="Same seed, same files.")]
SkipBad = Annotated[
    bool, typer.Option("--skip-bad", help="Put what is bad into SPLIT.rejected.jsonl and go on. Default: stop.")
]
Order = Annotated[OrderName, typer.Option(help="How the candidates stand in the file.")]
Licence = Annotated[
    list[str] | None, typer.Option(help="A line for the data card: a source and its licence; may be repeated.")
]
TeacherUrl = Annotated[
    str | None,
    typer.Option("--teacher", help=f"An OpenAI-compatible endpoint, like https://host/v1; its key is read from {KEY}."),
]
TeacherModel = Annotated[str | None, typer.Option(help="The teacher's name at its endpoint.")]
Concurrency = Annotated[int, typer.Option(min=1, help="Requests to the teacher at a time.")]


def origin(data: Sequence[Path], seed: int, licences: Sequence[str] | None = None) -> Origin:
    """What the card says of where rows are from."""
    command = shlex.join(["rag-reasoner-train", *sys.argv[1:]])
    return Origin(command, seed, as_folders(data), tuple(licences or ()))


def endpoint(url: str | None, model: str | None, concurrency: int) -> Endpoint | None:
    """The teacher that the options name; None where they name none."""
    if url is None and model is None:
        return None
    if url is None or model is None:
        raise InvalidInput("a teacher needs both --teacher, its address, and --teacher-model, its name there")
    return Endpoint(url, model, concurrency=concurrency)
