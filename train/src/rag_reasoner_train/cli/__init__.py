"""The command line: one file a command."""

import typer

from rag_reasoner_train.cli import data, export, listwise, pointwise, sft

app = typer.Typer(
    help="Train the models of rag_reasoner: data, sft, pointwise, listwise, export.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

app.add_typer(data.app, name="data")
app.command("sft", epilog=sft.EXAMPLES)(sft.sft)
app.command("pointwise", epilog=pointwise.EXAMPLES)(pointwise.pointwise)
app.command("listwise", epilog=listwise.EXAMPLES)(listwise.listwise)
app.command("export", epilog=export.EXAMPLES)(export.export)
