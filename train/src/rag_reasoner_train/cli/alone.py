"""`rag-reasoner-train data alone`: documents by themselves, or beside others, for learning to read."""

from typing import Annotated

import typer

from rag_reasoner.cli.build import working
from rag_reasoner_train.cli import options
from rag_reasoner_train.cli.exits import EXIT_CODES, guarded
from rag_reasoner_train.cli.rows import Unanswerable
from rag_reasoner_train.rows.alone import Alone
from rag_reasoner_train.rows.alone import alone as by_themselves
from rag_reasoner_train.rows.build import write_rows
from rag_reasoner_train.rows.reading import RowFiles

EXAMPLES = f"""
Examples:

  rag-reasoner-train data alone --data squad --out reading --least 2 --unanswerable 0.2

  rag-reasoner-train data chains --data reading --brief

{EXIT_CODES}
"""


@guarded
def alone(
    data: options.Folders,
    out: options.Out,
    split: options.Split = "train",
    documents: Annotated[int | None, typer.Option(min=1, help="So many documents, drawn by lot. Default: all.")] = None,
    least: Annotated[int, typer.Option(min=1, help="Only documents that answer so many questions.")] = 1,
    most: Annotated[int, typer.Option(min=1, help="At most so many of the questions that a document answers.")] = 6,
    unanswerable: Unanswerable = 0.0,
    beside: Annotated[int, typer.Option(min=0, help="Show so many others beside it that do not answer.")] = 0,
    seed: options.Seed = 0,
    licence: options.Licence = None,
) -> None:
    """Make rows of one document each: the questions that it answers, one after another, and some that it does not.

    With --beside the document stands in a list, mostly first, and the list is the same for all its questions.
    """
    origin = options.origin(data, seed, licence)
    wanted = Alone(documents, least, most, unanswerable, beside, seed)
    with working("taking documents by themselves"):
        built = write_rows(by_themselves(list(RowFiles(origin.folders, split)), wanted), origin, out, split)
    typer.echo(f"{built.rows} rows written to {out / split}.jsonl")
