"""`rag-reasoner-train data`: rows, chains and pages."""

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from rag_reasoner.cli.build import counting, working
from rag_reasoner.errors import InvalidInput
from rag_reasoner_train.chains.build import build_chains
from rag_reasoner_train.chains.taught.run import Asking, build_taught_chains
from rag_reasoner_train.cli.exits import EXIT_CODES, guarded
from rag_reasoner_train.rows.build import build_rows
from rag_reasoner_train.rows.card import Origin
from rag_reasoner_train.rows.order import Order
from rag_reasoner_train.rows.prepare import Preparation
from rag_reasoner_train.rows.reading import as_folders, read_rows
from rag_reasoner_train.teacher.client import KEY, Endpoint

app = typer.Typer(help="Make the data to train on: rows, reasoning chains, rows of pages.", no_args_is_help=True)

ROWS_EXAMPLES = f"""
Examples:

  rag-reasoner-train data rows --data squad --data ottqa --out prepared --candidates 8 --unanswerable 0.1

  rag-reasoner-train data rows --data mine --split dev --out prepared --skip-bad

{EXIT_CODES}
"""

CHAINS_EXAMPLES = f"""
Examples:

  rag-reasoner-train data chains --data prepared

  {KEY}=... rag-reasoner-train data chains --data prepared --teacher https://host/v1 --teacher-model NAME

A teacher that was stopped goes on where it was when the same command is given again.

{EXIT_CODES}
"""

Folders = Annotated[
    list[Path], typer.Option("--data", help="A folder with SPLIT.jsonl (or .gz, .xz); may be given several times.")
]
Folder = Annotated[Path, typer.Option("--data", help="The folder with SPLIT.jsonl, as `data rows` wrote it.")]
Out = Annotated[Path, typer.Option(help="The folder to write into.")]
Split = Annotated[str, typer.Option(help="Which file: SPLIT.jsonl.")]
Seed = Annotated[int, typer.Option(help="Same seed, same files.")]
SkipBad = Annotated[
    bool, typer.Option("--skip-bad", help="Put bad rows into SPLIT.rejected.jsonl and go on. Default: stop.")
]

TeacherUrl = Annotated[
    str | None,
    typer.Option("--teacher", help=f"An OpenAI-compatible endpoint, like https://host/v1; its key is read from {KEY}."),
]
TeacherModel = Annotated[str | None, typer.Option(help="The teacher's name at its endpoint.")]
Concurrency = Annotated[int, typer.Option(min=1, help="Requests to the teacher at a time.")]


@app.callback()
def main() -> None:
    """Make the data to train on: rows, reasoning chains, rows of pages."""


@app.command("rows", epilog=ROWS_EXAMPLES)
@guarded
def rows(
    data: Folders,
    out: Out,
    split: Split = "train",
    candidates: Annotated[
        int | None, typer.Option(min=1, help="So many candidates a row, all relevant ones among them. Default: all.")
    ] = None,
    order: Annotated[Order, typer.Option(help="How the candidates stand in the file.")] = "retrieval",
    mine: Annotated[
        int, typer.Option(min=0, help="Add so many hard negatives a row, found among the other rows' documents.")
    ] = 0,
    easy: Annotated[
        float, typer.Option(min=0, max=1, help="Draw this share of the irrelevant candidates instead of the hardest.")
    ] = 0.0,
    unanswerable: Annotated[
        float, typer.Option(min=0, max=0.9, help="Add rows without a relevant candidate: this share of all.")
    ] = 0.0,
    sample: Annotated[
        int | None, typer.Option(min=1, help="Only so many rows, balanced by set, length and resolution.")
    ] = None,
    seed: Seed = 0,
    skip_bad: SkipBad = False,
    licence: Annotated[
        list[str] | None, typer.Option(help="A line for the data card: a source and its licence; may be repeated.")
    ] = None,
) -> None:
    """Check rows, and make them ready: hard negatives, unanswerable questions, order, sample, data card."""
    wanted = Preparation(sample, mine, unanswerable, candidates, easy, order, seed)
    with working("preparing rows"):
        built = build_rows(_origin(data, seed, licence), out, split, wanted, skip_bad=skip_bad)
    typer.echo(f"{built.rows} rows written to {out / split}.jsonl, {len(built.rejected)} rejected")


@app.command("chains", epilog=CHAINS_EXAMPLES)
@guarded
def chains(
    data: Folder,
    out: Annotated[Path | None, typer.Option(help="The folder to write into. Default: that of the rows.")] = None,
    split: Split = "train",
    seed: Seed = 0,
    teacher: TeacherUrl = None,
    teacher_model: TeacherModel = None,
    concurrency: Concurrency = 8,
    attempts: Annotated[int, typer.Option(min=1, help="Replies to one question before its row is rejected.")] = 3,
    images: Annotated[bool, typer.Option(help="Show the teacher the candidates' images.")] = False,
) -> None:
    """Make a reasoning chain for each row: by rule, or by a teacher."""
    if endpoint := _endpoint(teacher, teacher_model, concurrency):
        total = sum(1 for _ in read_rows(data, split, images=False))
        with counting("asking the teacher", total) as advance:
            asking = Asking(endpoint, attempts, images)
            built = build_taught_chains(data, out or data, split, asking, advance)
    else:
        with working("making chains"):
            built = build_chains(data, out or data, split, seed)
    typer.echo(
        f"{built.chains} chains written to {out or data}, {built.certain} of them carry the answer; "
        f"{len(built.rejected)} rows have none"
    )


def _endpoint(url: str | None, model: str | None, concurrency: int) -> Endpoint | None:
    if url is None and model is None:
        return None
    if url is None or model is None:
        raise InvalidInput("a teacher needs both --teacher, its address, and --teacher-model, its name there")
    return Endpoint(url, model, concurrency=concurrency)


def _origin(data: list[Path], seed: int, licences: list[str] | None = None) -> Origin:
    command = shlex.join(["rag-reasoner-train", *sys.argv[1:]])
    return Origin(command, seed, as_folders(data), tuple(licences or ()))
