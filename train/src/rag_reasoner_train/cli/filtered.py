"""`rag-reasoner-train data filtered`: rows as the coarse filter leaves them."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated

import typer

from rag_reasoner.cli.build import counting, working
from rag_reasoner.errors import InvalidInput
from rag_reasoner.stages.keep import Keep, parse_keep
from rag_reasoner_train.cli import options
from rag_reasoner_train.cli.exits import EXIT_CODES, guarded
from rag_reasoner_train.cli.rows import Unanswerable
from rag_reasoner_train.rows.abstention import with_unanswerable
from rag_reasoner_train.rows.build import refuse_own, write_rows
from rag_reasoner_train.rows.filtered import Kept, half_to_correct, judge_rows, kept_file
from rag_reasoner_train.rows.filtered import filtered as as_filtered
from rag_reasoner_train.rows.met import kept_as_met, read_met
from rag_reasoner_train.rows.reading import read_rows
from rag_reasoner_train.rows.row import Row

EXAMPLES = f"""
Examples:

  rag-reasoner-train data filtered --data prepared --judge judge --out lists

  rag-reasoner-train data chains --data lists --brief

A run that was stopped goes on where it was when the same command is given again.

{EXIT_CODES}
"""


@guarded
def filtered(
    data: options.Folder,
    out: options.Out,
    judge: Annotated[
        str | None, typer.Option(metavar="FOLDER|ID|lexical", help="The model that filters: an export, say.")
    ] = None,
    met: Annotated[
        list[Path] | None,
        typer.Option(metavar="RUN", help="In its place: the order in which this run met them; may be repeated."),
    ] = None,
    split: options.Split = "train",
    keep: Annotated[
        str,
        typer.Option(help="What the filter keeps: auto, all, a number or a probability; with --met a number or all."),
    ] = "auto",
    unanswerable: Unanswerable = 0.0,
    missed: Annotated[
        bool, typer.Option("--missed", help="As many lists whose first document is not relevant as ones where it is.")
    ] = False,
    seed: options.Seed = 0,
) -> None:
    """Put a judge's filter before the rows: its order, and without what it drops. For the list-wise stages."""
    if (judge is None) == (not met):
        raise InvalidInput("give --judge, a model that filters, or --met, a run that told these candidates apart")
    refuse_own(out, [data])
    origin = options.origin([data], seed)
    rows = _with_twins(read_rows(data, split), unanswerable, seed)
    parsed = parse_keep(keep)
    kept = _as_met(rows, met, parsed) if met else _judged(rows, judge, parsed, keep, kept_file(out, split))
    lists = list(as_filtered((row for row in rows if row.id in kept), kept))
    chosen = half_to_correct(lists, seed) if missed else lists
    built = write_rows(chosen, origin, out, split)
    typer.echo(
        f"{built.rows} rows written to {out / split}.jsonl, {len(rows) - len(lists)} had nothing left, or were not met"
    )


def _with_twins(rows: Iterable[Row], share: float, seed: int) -> list[Row]:
    """The rows and their new unanswerable twins; a row may have brought its own."""
    twins = {twin.id: twin for row in rows for twin in with_unanswerable(row, share, seed)}
    return list(twins.values())


def _as_met(rows: Sequence[Row], runs: Sequence[Path], keep: Keep) -> Kept:
    if isinstance(keep, float) or keep == "auto":
        raise InvalidInput(f"--keep {keep}: with --met give a number of candidates, or all")
    return kept_as_met(rows, read_met(*runs), keep if isinstance(keep, int) else None)


def _judged(rows: Sequence[Row], judge: str | None, keep: Keep, said: str, noted: Path) -> Kept:
    from rag_reasoner import ReasoningReranker

    with working("loading the judge"):
        reranker = ReasoningReranker(judge, stages=("filter",), keep=keep, on_error="raise")
    with counting("judging", len(rows)) as advance:
        return judge_rows(rows, reranker, f"{judge}, keep {said}", noted, advance)
