"""The command line: one file a command."""

import os
from typing import Annotated

import typer

from rag_reasoner import __version__
from rag_reasoner.cli import ask, batch, calibrate, compare, doctor, eval, index, pull, rerank, search, serve

app = typer.Typer(
    help="Ask PDFs and images: irrelevant pages dropped, the rest ranked with reasons, quotes looked up on the page.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

app.command("ask", epilog=ask.EXAMPLES)(ask.ask)
app.command("index", epilog=index.EXAMPLES)(index.index)
app.command("search", epilog=search.EXAMPLES)(search.search)
app.command("rerank", epilog=rerank.EXAMPLES)(rerank.rerank)
app.command("eval", epilog=eval.EXAMPLES)(eval.evaluate)
app.command("compare", epilog=compare.EXAMPLES)(compare.compare)
app.command("calibrate", epilog=calibrate.EXAMPLES)(calibrate.fit)
app.add_typer(batch.app, name="batch")
app.command("serve", epilog=serve.EXAMPLES)(serve.serve)
app.command("pull", epilog=pull.EXAMPLES)(pull.pull)
app.command("doctor", epilog=doctor.EXAMPLES)(doctor.doctor)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def main(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and stop.")
    ] = False,
) -> None:
    # Read when torch is loaded: threads that wait by spinning make a busy machine several times slower.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
