"""Reading `<tag>…</tag>` out of whatever a model wrote: in linear time, and never raising."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from rag_reasoner.types import Fault

TAGS = ("evidence", "rank", "answer", "think")
"""The tags of our reply formats: neither a document nor a free piece of a reply may write them."""

STOPS = ("</", *(f"<{tag}" for tag in TAGS))
"""Where a free piece of a reply ends at the latest."""


_TAGGED = re.compile(r"(</?[a-z]+>)")
_TELLING = {"no_answer", "unreadable", "misformatted", "duplicate", "out_of_range", "missing", "truncated"}


@dataclass(frozen=True, slots=True)
class Section:
    """What stands in a tag; `faults` where one of its ends is missing."""

    text: str
    faults: tuple[Fault, ...] = ()

    @property
    def truncated(self) -> bool:
        """Whether the reply ended before the section did."""
        return any(fault.kind == "truncated" for fault in self.faults)


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


def thoughts(reply: str) -> str:
    """What the model thought before it replied, for a reader's eyes; empty where its thinking never ends."""
    closed = _last(_tag("think", closing=True), reply)
    if closed is None:
        return ""
    opened = _tag("think", closing=False).search(reply, 0, closed.start())
    return reply[opened.end() if opened else 0 : closed.start()].strip()


def section(reply: str, tag: str) -> Section | None:
    """The last complete `tag` of the reply, else what one end of it and the next tag of ours hold between them.

    None where the reply has neither end.
    """
    opening, closing = _tag(tag, closing=False), _tag(tag, closing=True)
    end = _last(closing, reply)
    start = _last(opening, reply[: end.start()] if end else reply)
    if start and end:
        return Section(reply[start.end() : end.start()])
    if start := start or _last(opening, reply):
        return _unclosed(reply, start.end(), tag)
    return _unopened(reply, end.start(), tag) if end else None


def spaced(reply: str) -> list[list[str]]:
    """`reply` as it counts for its form: a run of blanks is one, blanks beside a tag are none."""
    return [piece.split() for piece in _TAGGED.split(reply)]


def departure(
    said: str, perfect: str, faults: Sequence[Fault], form: Callable[[str], object] = spaced
) -> tuple[Fault, ...]:
    """A fault where `said` is not the perfect reply that says the same, and no fault tells so yet.

    So no repair is silent, however lenient the reading was. `form` is what of a reply counts for its form.
    """
    if any(fault.kind in _TELLING for fault in faults) or form(said) == form(perfect):
        return ()
    return (Fault("misformatted", "the reply is not written as asked"),)


def _unclosed(reply: str, start: int, tag: str) -> Section:
    stop = _ANY.search(reply, start)
    kind = "misformatted" if stop else "truncated"
    return Section(reply[start : stop.start() if stop else None], (Fault(kind, f"<{tag}> is never closed"),))


def _unopened(reply: str, end: int, tag: str) -> Section:
    before = _last(_ANY, reply[:end])
    return Section(reply[before.end() if before else 0 : end], (Fault("misformatted", f"<{tag}> is never opened"),))


def _pattern(names: str, slash: str) -> re.Pattern[str]:
    return re.compile(rf"<\s?{slash}\s?(?:{names})\s?>", re.IGNORECASE)


@lru_cache(maxsize=64)
def _tag(tag: str, *, closing: bool) -> re.Pattern[str]:
    return _pattern(tag, "/" if closing else "")


_ANY = _pattern("|".join(TAGS), "/?")


def _last(pattern: re.Pattern[str], text: str) -> re.Match[str] | None:
    before = _all_before(pattern).match(text)
    return pattern.match(text, before.end()) if before else None


@lru_cache(maxsize=64)
def _all_before(pattern: re.Pattern[str]) -> re.Pattern[str]:
    """What runs to the last place of `pattern`: found from the end, whatever stands before."""
    return re.compile(rf"(?s:.*)(?={pattern.pattern})", pattern.flags)
