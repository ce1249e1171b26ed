"""`rag-reasoner-train data`: the data to train on, in one go or step by step."""

from pathlib import Path
from typing import Annotated

import typer

from rag_reasoner_train.cli import alone, chains, filtered, options, pages, rows
from rag_reasoner_train.cli.exits import EXIT_CODES, guarded

EXAMPLES = f"""
Examples:

  rag-reasoner-train data --data squad --data tatqa --out prepared --candidates 8 --unanswerable 0.1

  rag-reasoner-train data --data mine --out prepared --split train --split dev

{EXIT_CODES}
"""

app = typer.Typer(no_args_is_help=True)


@app.callback(invoke_without_command=True, epilog=EXAMPLES)
@guarded
def data(
    context: typer.Context,
    data: Annotated[
        list[Path] | None, typer.Option("--data", help="A folder with SPLIT.jsonl; may be repeated.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="The folder to write into.")] = None,
    split: Annotated[list[str] | None, typer.Option(help="Which files; may be repeated. Default: train.")] = None,
    candidates: rows.Candidates = None,
    unanswerable: rows.Unanswerable = 0.0,
    seed: options.Seed = 0,
    skip_bad: options.SkipBad = False,
    licence: options.Licence = None,
) -> None:
    """Make the data to train on: rows, reasoning chains by rule, and a card. Its commands do one step each."""
    if context.invoked_subcommand is not None:
        return
    if not data or out is None:
        raise typer.BadParameter("give --data and --out, or a command: rows, alone, filtered, chains, pages")
    for one in split or ["train"]:
        rows.rows(data, out, one, candidates, unanswerable=unanswerable, seed=seed, skip_bad=skip_bad, licence=licence)
        chains.chains(out, split=one, seed=seed)


app.command("rows", epilog=rows.EXAMPLES)(rows.rows)
app.command("alone", epilog=alone.EXAMPLES)(alone.alone)
app.command("filtered", epilog=filtered.EXAMPLES)(filtered.filtered)
app.command("chains", epilog=chains.EXAMPLES)(chains.chains)
app.command("pages", epilog=pages.EXAMPLES)(pages.pages)
