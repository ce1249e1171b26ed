"""`rag-reasoner-train export`: a run's model as a folder to load."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from rag_reasoner.errors import InvalidInput
from rag_reasoner_train.cli import training
from rag_reasoner_train.cli.exits import EXIT_CODES, guarded
from rag_reasoner_train.config.settings import ANSWERED, JUDGE_TOKENS, KEPT

EXAMPLES = f"""
Examples:

  rag-reasoner-train export runs/judge --out judge --calibrate prepared --split dev

  rag-reasoner-train export runs/listwise/checkpoint-200 --out model --merged

{EXIT_CODES}
"""


class Dtype(StrEnum):
    """What the weights are stored as."""

    FLOAT32 = "float32"
    BFLOAT16 = "bfloat16"
    FLOAT16 = "float16"


class Method(StrEnum):
    """How P(relevant) is calibrated."""

    PLATT = "platt"
    ISOTONIC = "isotonic"


@guarded
def export(
    run: Annotated[Path, typer.Argument(help="The folder of a run, or of one of its checkpoints.")],
    out: Annotated[Path, typer.Option(help="The new folder.")],
    merged: Annotated[bool, typer.Option("--merged", help="The base's weights with the adapter in them.")] = False,
    dtype: Annotated[
        Dtype | None, typer.Option(help="Store the weights so. Default: as trained; merged ones in bfloat16.")
    ] = None,
    calibrate: Annotated[
        list[Path] | None, typer.Option(help="Calibrate P(relevant) on the rows of this folder; may be repeated.")
    ] = None,
    split: Annotated[str, typer.Option(help="The split to calibrate on: one that was not trained on.")] = "dev",
    rows: Annotated[int, typer.Option(min=2, help="At most so many rows to calibrate on.")] = 200,
    method: Annotated[Method, typer.Option(help="How to calibrate.")] = Method.PLATT,
    judge_tokens: Annotated[
        int, typer.Option(min=16, help="Calibrate on so many tokens of each document, as the filter is to read.")
    ] = JUDGE_TOKENS,
    among: Annotated[
        bool,
        typer.Option(
            "--among",
            help="With platt: fit what a question's candidates tell of each other, too: by shared words and phrases, "
            "and by how likely all are.",
        ),
    ] = False,
    kept: Annotated[
        float, typer.Option(min=0.5, max=1, help="The share of relevant documents that the filter shall keep.")
    ] = KEPT,
    answered: Annotated[
        float, typer.Option(min=0.5, max=1, help="The share of answerable questions that shall get an answer.")
    ] = ANSWERED,
    list_size: Annotated[
        int | None, typer.Option(min=2, help="Rank only so many of the best as a list: as many as the run's lists had.")
    ] = None,
    judges_only: Annotated[
        bool, typer.Option("--judges-only", help="Leave out what the run learned of lists: the order is P(relevant).")
    ] = False,
    held: Annotated[
        bool, typer.Option("--held", help="With --list-size: hold replies to the format, quotes too.")
    ] = False,
    passages: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="With --held: quote what answers from so many of its sentences, those that the judge finds likeliest.",
        ),
    ] = None,
) -> None:
    """Write what a run has learned to a folder that `ReasoningReranker(model=FOLDER)` loads."""
    from rag_reasoner_train.exporting import Wanted
    from rag_reasoner_train.exporting import export as run_export

    if held and list_size is None:
        raise InvalidInput("--held is written beside --list-size: give both, or neither")
    if passages is not None and not held:
        raise InvalidInput("--passages is written beside --held: what is not held quotes what it likes")
    if judges_only and list_size is not None:
        raise InvalidInput("--judges-only leaves lists out: give no --list-size beside it")
    wanted = Wanted(
        merged=merged,
        dtype=dtype.value if dtype else None,
        calibrate=tuple(calibrate or ()),
        split=split,
        rows=rows,
        method=method.value,
        judge_tokens=judge_tokens,
        among=among,
        kept=kept,
        answered=answered,
        list_size=list_size,
        held=held,
        passages=passages,
        judges_only=judges_only,
    )
    with training.no_foreign_warnings():
        measured = run_export(run, out, wanted)
    typer.echo(f"exported: {out}")
    if measured:
        typer.echo(f"calibrated on {measured.pairs} pairs: ECE {measured.before:.3f} -> {measured.after:.3f}")
        typer.echo(
            f"the filter drops what is below {measured.drop_below:.3g}: {measured.dropped:.0%} of the irrelevant"
        )
        typer.echo(
            f"where an answer is less likely than {measured.silence.abstain_below:.3g}, the documents do not say"
        )
