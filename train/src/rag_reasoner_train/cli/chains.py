"""`rag-reasoner-train data chains`: a reasoning chain for each row."""

from pathlib import Path
from typing import Annotated

import typer

from rag_reasoner.cli.build import counting, working
from rag_reasoner_train.chains.build import Built, build_chains
from rag_reasoner_train.chains.rules import BRIEF_STYLE, FULL_STYLE, Rules
from rag_reasoner_train.chains.taught.run import Asking, build_taught_chains
from rag_reasoner_train.cli import options
from rag_reasoner_train.cli.exits import EXIT_CODES, guarded
from rag_reasoner_train.rows.reading import read_rows
from rag_reasoner_train.rows.view import View
from rag_reasoner_train.teacher.client import KEY

EXAMPLES = f"""
Examples:

  rag-reasoner-train data chains --data prepared

  {KEY}=... rag-reasoner-train data chains --data prepared --teacher https://host/v1 --teacher-model NAME

A run that was stopped goes on where it was when the same command is given again.

{EXIT_CODES}
"""


@guarded
def chains(
    data: options.Folder,
    out: Annotated[Path | None, typer.Option(help="The folder to write into. Default: that of the rows.")] = None,
    split: options.Split = "train",
    seed: options.Seed = 0,
    words: Annotated[
        int, typer.Option(min=1, help="By rule: name as a document's topic only what so many of its words show.")
    ] = 80,
    brief: Annotated[bool, typer.Option("--brief", help="By rule: quotes and reasons half as long.")] = False,
    teacher: options.TeacherUrl = None,
    teacher_model: options.TeacherModel = None,
    concurrency: options.Concurrency = 8,
    attempts: Annotated[int, typer.Option(min=1, help="Replies to one question before its row is rejected.")] = 3,
    images: Annotated[bool, typer.Option(help="Show the teacher the candidates' images.")] = False,
) -> None:
    """Make a reasoning chain for each row: by rule, or by a teacher."""
    target = out or data
    if endpoint := options.endpoint(teacher, teacher_model, concurrency):
        built = _taught(data, target, split, Asking(endpoint, attempts, images))
    else:
        with working("making chains"):
            rules = Rules(seed, BRIEF_STYLE if brief else FULL_STYLE, View(words))
            built = build_chains(data, target, split, rules)
    typer.echo(
        f"{built.chains} chains written to {target}, {built.certain} of them carry the answer or rightly give none; "
        f"{len(built.rejected)} rows have no chain"
    )


def _taught(data: Path, target: Path, split: str, asking: Asking) -> Built:
    total = sum(1 for _ in read_rows(data, split, images=False))
    with counting("asking the teacher", total) as advance:
        return build_taught_chains(data, target, split, asking, advance)
