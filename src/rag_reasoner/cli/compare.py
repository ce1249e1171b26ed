"""`rag-reasoner compare`: is one run better than another, or lucky with the questions?"""

from pathlib import Path
from typing import Annotated

import typer

from rag_reasoner.cli.exits import EXIT_CODES, guarded
from rag_reasoner.evaluate.compare import report
from rag_reasoner.evaluate.folder import read_run

EXAMPLES = f"""
Examples:

  rag-reasoner compare runs/bm25 runs/full

  rag-reasoner compare runs/full runs/no-filter runs/no-rank --figure ndcg@10 --figure "answer F1"

{EXIT_CODES}
"""


@guarded
def compare(
    runs: Annotated[
        list[Path], typer.Argument(metavar="RUN RUN…", help="Folders that eval made; the first is the baseline.")
    ],
    figure: Annotated[
        list[str] | None, typer.Option(help="A figure's name in the tables. May repeat. Default: the leading ones.")
    ] = None,
    samples: Annotated[int, typer.Option(min=1, help="How often questions are drawn anew.")] = 10_000,
    seed: Annotated[int, typer.Option(help="The seed of the draws.")] = 0,
    table: Annotated[Path | None, typer.Option(help="Write the tables into this Markdown file too.")] = None,
) -> None:
    """Compare runs of the same questions by paired bootstrap, each with the first."""
    text = report([read_run(one) for one in runs], figure or (), samples=samples, seed=seed)
    typer.echo(text, nl=False)
    if table:
        table.write_text(text, encoding="utf-8")
