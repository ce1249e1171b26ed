"""Asking until the reply can be used, each time with what was wrong with the last one."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence
from typing import TypeVar

from rag_reasoner.messages import Message, Text

Ask = Callable[[Sequence[Message]], Awaitable[str]]
T = TypeVar("T")


class Unfit(Exception):
    """A reply that cannot be used, and why."""


class NeverFit(Exception):
    """No reply to a question could be used: what was wrong with the last, and the reply itself."""

    def __init__(self, problem: str, reply: str) -> None:
        super().__init__(problem)
        self.problem, self.reply = problem, reply


async def until_fit(ask: Ask, asked: Sequence[Message], read: Callable[[str], T], attempts: int) -> T:
    """What the first reply says that `read` does not find Unfit. Raises NeverFit after `attempts` replies."""
    messages, problem, reply = tuple(asked), "", ""
    for _ in range(attempts):
        reply = await ask(messages)
        try:
            return read(reply)
        except Unfit as unfit:
            problem = str(unfit)
            messages = again(asked, reply, problem)
    raise NeverFit(problem, reply)


def again(messages: Sequence[Message], reply: str, problem: str) -> tuple[Message, ...]:
    """The same question once more, with what was wrong with the reply."""
    complaint = Text(f"That cannot be used: {problem}. Reply again, in the form asked for.")
    return *messages, Message("assistant", (Text(reply),)), Message("user", (complaint,))


async def gathered(tasks: Iterable[Coroutine[None, None, T]]) -> list[T]:
    """All results; the first failure ends the others and is raised as it is."""
    try:
        async with asyncio.TaskGroup() as group:
            running = [group.create_task(task) for task in tasks]
    except ExceptionGroup as failures:
        raise failures.exceptions[0] from None
    return [done.result() for done in running]
