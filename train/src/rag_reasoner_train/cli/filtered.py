"""`rag-reasoner-train data filtered`: rows as the coarse filter leaves them."""

from typing import Annotated

import typer

from rag_reasoner.cli.build import counting, working
from rag_reasoner.stages.keep import parse_keep
from rag_reasoner_train.cli import options
from rag_reasoner_train.cli.exits import EXIT_CODES, guarded
from rag_reasoner_train.rows.build import write_rows
from rag_reasoner_train.rows.filtered import filtered as as_filtered
from rag_reasoner_train.rows.filtered import judge_rows, kept_file
from rag_reasoner_train.rows.reading import read_rows

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
    judge: Annotated[str, typer.Option(metavar="FOLDER|ID|lexical", help="The model that filters: an export, say.")],
    out: options.Out,
    split: options.Split = "train",
    keep: Annotated[str, typer.Option(help="What the filter keeps: auto, all, a number or a probability.")] = "auto",
    seed: options.Seed = 0,
) -> None:
    """Put a judge's filter before the rows: its order, and without what it drops. For the list-wise stages."""
    from rag_reasoner import ReasoningReranker

    rows = read_rows(data, split)
    origin = options.origin([data], seed)
    total = sum(1 for _ in rows)
    with working("loading the judge"):
        reranker = ReasoningReranker(judge, stages=("filter",), keep=parse_keep(keep), on_error="raise")
    with counting("judging", total) as advance:
        kept = judge_rows(rows, reranker, f"{judge}, keep {keep}", kept_file(out, split), advance)
    built = write_rows(as_filtered(rows, kept), origin, out, split)
    typer.echo(f"{built.rows} rows written to {out / split}.jsonl, {total - built.rows} had nothing left")
