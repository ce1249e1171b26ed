"""`rag-reasoner batch`: rerank offline, through files of requests and replies."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from rag_reasoner.batch.folder import RESULTS, begin, take
from rag_reasoner.batch.requests import Plan
from rag_reasoner.cli.exits import EXIT_CODES, guarded
from rag_reasoner.stages.keep import parse_keep

EXAMPLES = f"""
Examples:

  rag-reasoner batch export questions.jsonl --to work --model Qwen/Qwen3-8B --dialect vllm --answer

  vllm run-batch -i work/round-1.requests.jsonl -o replies.jsonl --model Qwen/Qwen3-8B

  rag-reasoner batch import work replies.jsonl

Import says which file to run next, until the results are there. A line of the questions:
{{"id": "q1", "question": "...", "candidates": [{{"id": "a", "text": "..."}}]}}

{EXIT_CODES}
"""

app = typer.Typer(help="Rerank offline: files of requests out, files of replies in.", no_args_is_help=True)


@guarded
def export(
    questions: Annotated[Path, typer.Argument(help="A .jsonl file of questions with their candidates.")],
    to: Annotated[Path, typer.Option(help="The folder of this batch; it is made.")],
    model: Annotated[str, typer.Option("--model", "-m", help="The model's name, as the engine knows it.")],
    dialect: Annotated[
        Literal["vllm", "sglang", "llamacpp", "openai"], typer.Option(help="What the engine understands.")
    ] = "openai",
    context: Annotated[int, typer.Option(min=512, help="The model's context, in tokens.")] = 8192,
    filter: Annotated[
        bool, typer.Option("--filter", help="Filter first: a round of its own, by log-probabilities.")
    ] = False,
    answer: Annotated[bool, typer.Option("--answer", help="Answer from the candidates too.")] = False,
    keep: Annotated[str, typer.Option(help="What the filter keeps: auto, all, a number, or a probability.")] = "auto",
    think_tokens: Annotated[int, typer.Option(min=0, help="What the model may think before each reply.")] = 0,
) -> None:
    """Write the first round's requests."""
    plan = Plan(model, dialect, context, filter, answer, parse_keep(keep), think_tokens=think_tokens)
    _tell(to, begin(to, questions, plan))


@guarded
def import_(
    folder: Annotated[Path, typer.Argument(help="The folder of the batch.")],
    replies: Annotated[Path, typer.Argument(help="The replies to its latest round.")],
) -> None:
    """Take the replies of a round; write the next round's requests, or the results."""
    _tell(folder, take(folder, replies))


def _tell(folder: Path, waiting: Path | None) -> None:
    typer.echo(f"run next: {waiting}" if waiting else f"done: {folder / RESULTS}")


app.command("export", epilog=EXAMPLES)(export)
app.command("import", epilog=EXAMPLES)(import_)
