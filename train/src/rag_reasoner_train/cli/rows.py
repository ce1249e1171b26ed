"""`rag-reasoner-train data rows`: rows checked and made ready."""

from typing import Annotated

import typer

from rag_reasoner.cli.build import working
from rag_reasoner_train.cli import options
from rag_reasoner_train.cli.exits import EXIT_CODES, guarded
from rag_reasoner_train.rows.build import build_rows
from rag_reasoner_train.rows.prepare import Preparation

EXAMPLES = f"""
Examples:

  rag-reasoner-train data rows --data squad --data ottqa --out prepared --candidates 8 --unanswerable 0.1

  rag-reasoner-train data rows --data mine --split dev --out prepared --skip-bad

{EXIT_CODES}
"""

Candidates = Annotated[
    int | None, typer.Option(min=1, help="So many candidates a row, all relevant ones among them. Default: all.")
]
Unanswerable = Annotated[
    float, typer.Option(min=0, max=0.9, help="Add rows without a relevant candidate: this share of all.")
]


@guarded
def rows(
    data: options.Folders,
    out: options.Out,
    split: options.Split = "train",
    candidates: Candidates = None,
    order: options.Order = "retrieval",
    mine: Annotated[
        int, typer.Option(min=0, help="Add so many hard negatives a row, found among the other rows' documents.")
    ] = 0,
    easy: Annotated[
        float, typer.Option(min=0, max=1, help="Draw this share of the irrelevant candidates instead of the hardest.")
    ] = 0.0,
    unanswerable: Unanswerable = 0.0,
    sample: Annotated[
        int | None, typer.Option(min=1, help="Only so many rows, balanced by set, length and resolution.")
    ] = None,
    missed: Annotated[
        bool, typer.Option("--missed", help="Sample as many rows that retrieval gets wrong as ones it gets right.")
    ] = False,
    pages: Annotated[
        float, typer.Option(min=0, max=1, help="Join the candidates of this share of the rows to pages, three to each.")
    ] = 0.0,
    seed: options.Seed = 0,
    skip_bad: options.SkipBad = False,
    licence: options.Licence = None,
) -> None:
    """Check rows, and make them ready: hard negatives, unanswerable questions, order, sample, data card."""
    wanted = Preparation(sample, mine, unanswerable, candidates, easy, order, seed, missed, pages)
    with working("preparing rows"):
        built = build_rows(options.origin(data, seed, licence), out, split, wanted, skip_bad=skip_bad)
    typer.echo(f"{built.rows} rows written to {out / split}.jsonl, {len(built.rejected)} rejected")
