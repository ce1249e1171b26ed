"""How a command ends: one clear line on stderr and a documented exit code, never a traceback for a user's mistake."""

import functools
import os
import sys
from collections.abc import Callable, Iterable
from typing import NoReturn, ParamSpec, TypeVar

import typer
from rich.console import Console

from rag_reasoner.errors import BackendError, InvalidInput, MissingExtra, ModelError, RagReasonerError, StoreError
from rag_reasoner.results.text import printable
from rag_reasoner.types import FAULTS, Fault

P = ParamSpec("P")
T = TypeVar("T")

BAD_INPUT, NOTHING_READ, NO_MODEL = 2, 3, 4

EXIT_CODES = (
    "Exit codes: 0 done · 2 an argument or a value cannot be used · 3 nothing could be read · "
    "4 the model cannot be loaded or asked · 130 interrupted"
)

errors = Console(stderr=True, highlight=False, soft_wrap=True)


def guarded(command: Callable[P, T]) -> Callable[P, T]:
    """A command whose known errors end it with a line and a code."""

    @functools.wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            done = command(*args, **kwargs)
            if sys.stdout:
                sys.stdout.flush()
            return done
        except RagReasonerError as error:
            fail(str(error), _code(error))
        except KeyboardInterrupt:
            fail("interrupted", 130)
        except BrokenPipeError:
            _write_to_nobody()
            raise typer.Exit from None

    return run


def _write_to_nobody() -> None:
    """Let what is still to be written go nowhere: else Python would try, and complain, once more when it ends."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


def complain(faults: Iterable[Fault]) -> None:
    """Say on stderr what went wrong and cost nothing else, a line each."""
    for fault in faults:
        said = f"! {fault.source}: {', '.join(filter(None, (FAULTS[fault.kind], fault.detail)))}"
        errors.print(printable(said), markup=False, style="yellow")


def fail(message: str, code: int) -> NoReturn:
    """End the command with `message` on stderr."""
    errors.print(printable(f"error: {message}"), markup=False, style="red")
    raise typer.Exit(code)


def _code(error: RagReasonerError) -> int:
    match error:
        case ModelError() | MissingExtra() | BackendError():
            return NO_MODEL
        case InvalidInput() | StoreError():
            return BAD_INPUT
        case _:
            return NOTHING_READ
