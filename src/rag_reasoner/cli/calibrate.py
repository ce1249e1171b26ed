"""`rag-reasoner calibrate`: probabilities that mean what they say."""

from pathlib import Path
from typing import Annotated

import typer

from rag_reasoner.cli.exits import EXIT_CODES, guarded
from rag_reasoner.evaluate.calibrate import BINS, calibrate, judged_by, store
from rag_reasoner.evaluate.fit import Method
from rag_reasoner.evaluate.folder import read_run

EXAMPLES = f"""
Examples:

  rag-reasoner calibrate runs/dev --adapter my-adapter

  rag-reasoner calibrate runs/squad runs/tatqa --method platt

{EXIT_CODES}
"""


@guarded
def fit(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN…", help="Folders that eval made with the model's filter.")],
    method: Annotated[Method, typer.Option(help="isotonic wants a thousand pairs or more; platt does with fewer.")] = (
        "isotonic"
    ),
    adapter: Annotated[
        Path | None, typer.Option(help="Store it in this adapter's card.json. Default: only tell what it would do.")
    ] = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Take the place of the card's calibration; the runs were made without it.")
    ] = False,
) -> None:
    """Fit P(relevant) to the labels of runs, and store the fit with the adapter."""
    read = [read_run(one) for one in runs]
    if adapter:
        judged_by(read, adapter)
    found = calibrate([record for run in read for record in run.records], method)
    typer.echo(f"{found.pairs:,} pairs, {found.relevant:,} of them relevant")
    typer.echo(
        f"calibration error in {BINS} bins: {found.before:.3f} before, {found.after:.3f} after, on held-out halves"
    )
    if adapter:
        gone = store(found.calibration, adapter, replace=replace)
        typer.echo(f"stored in {adapter}" + (f"; taken out, as fitted on another: {', '.join(gone)}" if gone else ""))
