"""`rag-reasoner-train data`: rows, chains and pages."""

import typer

app = typer.Typer(help="Make the data to train on: rows, reasoning chains, rows of pages.", no_args_is_help=True)


@app.callback()
def main() -> None:
    """Make the data to train on: rows, reasoning chains, rows of pages."""
