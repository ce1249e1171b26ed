"""Reading `<tag>…</tag>` out of whatever a model wrote: in linear time, and never raising."""

import re
from dataclasses import dataclass
from functools import lru_cache

from rag_reasoner.types import Fault


@dataclass(frozen=True, slots=True)
class Section:
    """What stands in a tag, and what was wrong with the tag itself."""

    text: str
    faults: tuple[Fault, ...] = ()


def wrap(tag: str, text: str) -> str:
    """`text` in its tag."""
    return f"<{tag}>{text}</{tag}>"


def after_thinking(reply: str) -> str:
    """The reply without the model's own thinking, which is never parsed: all up to the last `</think>`.

    A reply whose thinking never ends says nothing.
    """
    closed = _last(_tag("think", closing=True), reply)
    rest = reply[closed.end() :] if closed else reply
    opened = _tag("think", closing=False).search(rest)
    return rest[: opened.start()] if opened else rest


def section(reply: str, tag: str) -> Section | None:
    """The last complete `tag` of the reply, else what follows one that was never closed; None where there is none."""
    opening, closing = _tag(tag, closing=False), _tag(tag, closing=True)
    end = _last(closing, reply)
    start = _last(opening, reply[: end.start()] if end else reply)
    if start is None:
        return None
    if end is None:
        return Section(reply[start.end() :], (Fault("truncated", f"<{tag}> is never closed"),))
    exact = start.group() == f"<{tag}>" and end.group() == f"</{tag}>"
    faults = () if exact else (Fault("misformatted", f"<{tag}> is written in another way"),)
    return Section(reply[start.end() : end.start()], faults)


@lru_cache(maxsize=64)
def _tag(tag: str, *, closing: bool) -> re.Pattern[str]:
    return re.compile(rf"<\s?{'/' if closing else ''}\s?{tag}\s?>", re.IGNORECASE)


def _last(pattern: re.Pattern[str], text: str) -> re.Match[str] | None:
    last = None
    for match in pattern.finditer(text):
        last = match
    return last
