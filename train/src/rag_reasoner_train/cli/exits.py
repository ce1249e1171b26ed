"""How a command of the trainer ends: as one of the library's does, with a code more for what could not be written."""

import functools
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from rag_reasoner.cli.exits import fail
from rag_reasoner.cli.exits import guarded as guarded_by_library
from rag_reasoner_train.errors import NotWritten

P = ParamSpec("P")
T = TypeVar("T")

NOT_WRITTEN = 5

EXIT_CODES = (
    "Exit codes: 0 done · 2 an argument or a row cannot be used · 3 nothing could be read · "
    "4 a model or a teacher cannot be asked · 5 a file could not be written · 130 interrupted"
)


def guarded(command: Callable[P, T]) -> Callable[P, T]:
    """A command whose known errors end it with a line and a code."""

    @functools.wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return command(*args, **kwargs)
        except NotWritten as error:
            fail(str(error), NOT_WRITTEN)

    return guarded_by_library(run)
