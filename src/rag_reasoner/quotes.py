"""Is this quote in that text, and where? Strict about words and numbers, lenient about how a page writes them down.

Equal up to: runs of blanks, hyphens at line ends, soft hyphens, zero-width characters, ligatures, the shapes of
quotation marks and dashes, and blanks inside a number ("88 .41"). Never equal up to a letter, a digit or a word: a match
may not begin or end inside a word or a number.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from rag_reasoner.words import terms

LINE_END_HYPHENS = "\u0002\ufffe"
"""What PDF readers give for a hyphen at a line's end."""

_LIGATURES = {"ﬀ": "ff", "ﬁ": "fi", "ﬂ": "fl", "ﬃ": "ffi", "ﬄ": "ffl", "ﬅ": "st", "ﬆ": "st"}
_SHAPES = {
    **dict.fromkeys("‘’‚‛′`´", "'"),
    **dict.fromkeys("“”„‟″«»", '"'),
    **dict.fromkeys("‐‑‒–—―−", "-"),
}
_INVISIBLE = "\u00ad\u200b-\u200d\u2060\ufeff"
_ODD = re.compile(
    r"(?P<broken>(?<=[^\W\d_])(?:[\u0002\ufffe]|-(?=\s*\n))\s*(?=[^\W\d_]))"
    rf"|(?P<invisible>[{_INVISIBLE}]+)"
    r"|(?P<number>(?<=\d)\s+(?=[.,]\d))"
    r"|(?P<blank>[\s\u0002\ufffe]+)"
    r"|(?P<shape>[‘’‚‛′`´“”„‟″«»‐‑‒–—―−ﬀﬁﬂﬃﬄﬅﬆ])"
)
_NUMBER_GOES_ON = re.compile(r"(?:\s+\.|[.,'])\d")


@dataclass(frozen=True, slots=True)
class Found:
    """Where a quote stands: `text[start:end]`."""

    start: int
    end: int
    verified: Literal["exact", "normalised"]


@dataclass(frozen=True, slots=True)
class _Folded:
    """Text in its comparable form; `origins[i]` is where character i comes from, with one entry more for the end."""

    text: str
    origins: tuple[int, ...]


def find_quote(quote: str, text: str) -> Found | None:
    """Where `quote` stands in `text`; None where it does not, or where it says nothing (no word that carries meaning)."""
    bare = _bare(quote)
    if not terms(bare):
        return None
    start = _occurrence(bare, text)
    if start is not None:
        return Found(start, start + len(bare), "exact")
    return _find_folded(bare, text, "") or _find_folded(bare, text, "-")


def _bare(quote: str) -> str:
    return quote.strip().removeprefix("...").removesuffix("...").strip(" \n\t…")


def _find_folded(quote: str, text: str, hyphen: str) -> Found | None:
    folded, wanted = _fold(text, hyphen), _fold(quote, hyphen).text.strip()
    start = _occurrence(wanted, folded.text)
    if start is None:
        wanted = wanted.rstrip(".,;:")
        start = _occurrence(wanted, folded.text) if wanted else None
    if start is None:
        return None
    return Found(folded.origins[start], folded.origins[start + len(wanted) - 1] + 1, "normalised")


@lru_cache(maxsize=512)
def _fold(text: str, hyphen: str) -> _Folded:
    """`text` in its comparable form, with `hyphen` for a hyphen at a line's end: it may belong to the word or not."""
    pieces: list[str] = []
    origins: list[int] = []
    done = 0
    for odd in _ODD.finditer(text):
        plain = _plain(odd, hyphen)
        pieces += (text[done : odd.start()], plain)
        origins += (*range(done, odd.start()), *([odd.start()] * len(plain)))
        done = odd.end()
    return _Folded("".join(pieces) + text[done:], (*origins, *range(done, len(text) + 1)))


def _plain(odd: re.Match[str], hyphen: str) -> str:
    match odd.lastgroup:
        case "broken":
            return hyphen
        case "blank":
            return " "
        case "shape":
            return _SHAPES.get(odd.group()) or _LIGATURES[odd.group()]
        case _:
            return ""


def _occurrence(quote: str, text: str) -> int | None:
    """The first place where `quote` stands in `text` as whole words and whole numbers."""
    start = text.find(quote)
    while start >= 0:
        if _whole(text, start, start + len(quote)):
            return start
        start = text.find(quote, start + 1)
    return None


def _whole(text: str, start: int, end: int) -> bool:
    before, after = text[max(start - 2, 0) : start], text[end : end + 8]
    return not _starts_inside(before, text[start]) and not _ends_inside(text[end - 1], after)


def _starts_inside(before: str, first: str) -> bool:
    if not before or not _wordlike(first):
        return False
    if _wordlike(before[-1]):
        return True
    if not first.isdigit():
        return False
    inside_number = before[-1] in ".,'" and before[:-1].isdigit()
    signed = before[-1] in "-+−±" and not (before[:-1] and (_wordlike(before[0]) or before[0] == ")"))
    return inside_number or signed or before[-1] == "."


def _ends_inside(last: str, after: str) -> bool:
    if not after or not _wordlike(last):
        return False
    if _wordlike(after[0]):
        return True
    return last.isdigit() and bool(_NUMBER_GOES_ON.match(after))


def _wordlike(char: str) -> bool:
    """Letters of scripts that put blanks between words, and digits. (In Chinese or Thai every place is a boundary.)"""
    return char.isdigit() or char == "_" or char.lower() != char.upper()
