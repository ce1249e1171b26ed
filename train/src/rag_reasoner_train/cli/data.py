"""`rag-reasoner-train data`: the data to train on."""

import typer

from rag_reasoner_train.cli import chains, pages, rows

app = typer.Typer(help="Make the data to train on: rows, reasoning chains, rows of pages.", no_args_is_help=True)

app.command("rows", epilog=rows.EXAMPLES)(rows.rows)
app.command("chains", epilog=chains.EXAMPLES)(chains.chains)
app.command("pages", epilog=pages.EXAMPLES)(pages.pages)
