"""From options to a reranker, and from paths to documents, with progress for whoever watches."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NoReturn

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)

from rag_reasoner.backends.load import Server
from rag_reasoner.backends.openai_compatible.dialects import Name
from rag_reasoner.cli.exits import NOTHING_READ, fail
from rag_reasoner.errors import InvalidInput
from rag_reasoner.pages.reading import Progress as ReadingProgress
from rag_reasoner.pages.reading import Reading, read
from rag_reasoner.reranker import ReasoningReranker
from rag_reasoner.stages.keep import parse_keep
from rag_reasoner.tasks import Format
from rag_reasoner.types import Fault


@dataclass(frozen=True, slots=True)
class Asked:
    """The options that make a reranker."""

    model: str | None
    filter_model: str | None
    format: Format | None
    keep: str
    seconds: float | None
    tokens: int | None
    shuffles: int
    seed: int
    server: Server | None = None


def reranker(asked: Asked) -> ReasoningReranker:
    """The reranker that the options ask for; a model that takes its time shows that it is loading."""
    keep = parse_keep(asked.keep)
    with working("loading the model"):
        return ReasoningReranker(
            asked.server.backend(asked.model, asked.format) if asked.server else asked.model,
            filter_model=asked.filter_model,
            format=asked.format,
            keep=keep,
            seconds=asked.seconds,
            tokens=asked.tokens,
            shuffles=asked.shuffles,
            seed=asked.seed,
        )


def server_of(base_url: str | None, context: int | None, dialect: Name | None, reads_images: bool) -> Server | None:
    """Where --model is asked; None is here. Raises InvalidInput for options that are about a server where none is."""
    if base_url is not None:
        return Server(base_url, context, dialect, reads_images)
    given = {"--context": context, "--dialect": dialect, "--reads-images": reads_images}
    if names := [name for name, value in given.items() if value]:
        raise InvalidInput(f"{', '.join(names)} tells of a server's model: give its address as --base-url")
    return None


def documents(paths: Sequence[str], password: str | None, ocr: bool | None) -> Reading:
    """What the paths hold. Ends the command where nothing could be read."""
    reading = read_paths(paths, password, ocr)
    if not reading.documents:
        nothing_read(reading.faults)
    return reading


def read_paths(paths: Sequence[str], password: str | None, ocr: bool | None) -> Reading:
    """What the paths hold, perhaps nothing."""
    with _progress(BarColumn(), MofNCompleteColumn()) as bar:
        task = bar.add_task("reading", total=None)

        def tell(progress: ReadingProgress) -> None:
            bar.update(task, description=progress.source[-40:], completed=progress.page, total=progress.pages)

        return read(paths, password=password, ocr=ocr, progress=tell)


def nothing_read(faults: Iterable[Fault]) -> NoReturn:
    """End the command: no file of those named could be read."""
    reasons = "; ".join(f"{fault.source}: {fault.detail}" for fault in faults)
    fail(f"nothing could be read: {reasons or 'there is no PDF, image or text among the files'}", NOTHING_READ)


@contextmanager
def working(what: str) -> Iterator[None]:
    """A spinner on stderr; nothing where nobody watches."""
    with _progress() as bar:
        bar.add_task(what, total=None)
        yield


@contextmanager
def counting(what: str, total: int) -> Iterator[Callable[[object], None]]:
    """A bar on stderr that every call takes one step further; nothing where nobody watches."""
    with _progress(BarColumn(), MofNCompleteColumn()) as bar:
        task = bar.add_task(what, total=total)
        yield lambda _: bar.advance(task)


@contextmanager
def progressing(what: str) -> Iterator[Callable[[int, int], None]]:
    """A bar on stderr that is told how many are done, of how many; nothing where nobody watches."""
    with _progress(BarColumn(), MofNCompleteColumn()) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def _progress(*columns: ProgressColumn) -> Progress:
    console = Console(stderr=True)
    shown = (SpinnerColumn(), TextColumn("{task.description}"), *columns, TimeElapsedColumn())
    return Progress(*shown, console=console, transient=True, disable=not console.is_terminal)
