"""`rag-reasoner doctor`: does the model answer a question whose answer is known?"""

import base64
import platform
import time
from collections.abc import Callable, Iterator
from importlib.metadata import PackageNotFoundError, version

import typer

from rag_reasoner.cli import options
from rag_reasoner.cli.exits import EXIT_CODES, NO_MODEL, guarded
from rag_reasoner.errors import RagReasonerError
from rag_reasoner.reranker import ReasoningReranker
from rag_reasoner.server.known import PAIR, QUERY, chances, problems
from rag_reasoner.tasks import Format
from rag_reasoner.types import Image

EXAMPLES = f"""
Examples:

  rag-reasoner doctor

  rag-reasoner doctor --model path/to/folder

{EXIT_CODES}
"""

PACKAGES = ("rag-reasoner", "pypdfium2", "bm25s", "torch", "transformers", "peft", "torchvision", "rapidocr")

PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
"""The smallest PNG."""


@guarded
def doctor(model: options.Model = None, format: options.Format = None) -> None:
    """Load the model, ask it about a pair with a known answer, and say what is wrong."""
    for name in PACKAGES:
        typer.echo(f"  {name:<14} {_version(name)}")
    typer.echo(f"  {'python':<14} {platform.python_version()} on {platform.machine()}")
    failures = [problem for check in (_reads_pdfs, lambda: _judges(model, format)) for problem in _run(check)]
    for problem in failures:
        typer.echo(f"✗ {problem}")
    if failures:
        raise typer.Exit(NO_MODEL)
    typer.echo("all is well")


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def _run(check: Callable[[], Iterator[str]]) -> Iterator[str]:
    """The problems that a check finds; an error of ours is one."""
    try:
        yield from check()
    except RagReasonerError as error:
        yield str(error)


def _reads_pdfs() -> Iterator[str]:
    from rag_reasoner.pages import load

    load(Image(data=PIXEL))
    typer.echo("✓ the worker that reads PDFs and images runs")
    yield from ()


def _judges(model: str | None, format: Format | None) -> Iterator[str]:
    started = time.monotonic()
    reasoner = ReasoningReranker(model, format=format, keep="all")
    typer.echo(f"✓ {reasoner.model_name} loaded in {time.monotonic() - started:.1f} s")
    result = reasoner.rerank(QUERY, PAIR)
    chance = chances(result)
    relevant, irrelevant = _shown(chance["relevant"]), _shown(chance["irrelevant"])
    typer.echo(f"  P(relevant) of a relevant text {relevant}, of an irrelevant one {irrelevant}")
    for fault in result.faults:
        typer.echo(f"  {fault.kind}: {fault.detail}")
    yield from problems(result)


def _shown(chance: float | None) -> str:
    return "unknown" if chance is None else f"{chance:.2f}"
