"""Is this quote in that text, and where? Strict about words and numbers, lenient about how a page writes them down.

Equal up to: runs of blanks, hyphens at line ends, soft hyphens, zero-width characters, ligatures, ways to write an
accent, the shapes of quotation marks and dashes, and blanks inside a number ("88 .41"). Never equal up to a letter, a
digit or a word: a match may not begin or end inside a word or a number.
"""

import re
import unicodedata
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate
from typing import Literal, NamedTuple

from rag_reasoner.words import terms

LINE_END_HYPHENS = "\u0002\ufffe"
"""What PDF readers give for a hyphen at a line's end."""

_LIGATURES = {"ﬀ": "ff", "ﬁ": "fi", "ﬂ": "fl", "ﬃ": "ffi", "ﬄ": "ffl", "ﬅ": "st", "ﬆ": "st"}
_SHAPES = {
    **dict.fromkeys("‘’‚‛′`´", "'"),
    **dict.fromkeys("“”„‟″«»", '"'),
    **dict.fromkeys("‐‑‒–―−\u0002\ufffe", "-"),
}
_HYPHEN = "-‐‑"
_DASH = "–—"
_INVISIBLE = "\u00ad\u200b-\u200d\u2060\ufeff"
_BLANK = r"\s\x00\x01\x03-\x08\x0e-\x1f\x7f-\x9f"
_ACCENTED = "\u00c0-\u024f\u1e00-\u1eff"
_SHAPED = "".join((*_SHAPES, *_LIGATURES))
_LETTER = r"[^\W\d_]"
# What is odd begins with one of a few characters, so that the search runs over all others without a thought.
_ODD = re.compile(
    rf"[{_BLANK}{_HYPHEN}{_DASH}{_INVISIBLE}{_ACCENTED}{_SHAPED}](?:"
    rf"(?P<loose>(?:(?<={_LETTER}[{LINE_END_HYPHENS}])|(?<={_LETTER}-)\s)\s*(?={_LETTER}))"
    rf"|(?P<firm>(?<={_LETTER}[{_HYPHEN}])(?={_LETTER}))"
    rf"|(?P<joined>(?:(?<=\w[{LINE_END_HYPHENS}])|(?<=\w-)\s)\s*(?=\w))"
    r"|(?P<number>(?<=\d[^\S\n])[^\S\n]*(?=[.,]\d))"
    r"|(?P<dash>(?:(?<=\s)\s*(?:—|--+|[-–](?!\S))|(?<=—)|(?<=-)-+|(?<=\A[-–])(?!\S))\s*)"
    rf"|(?P<blank>(?<=[{_BLANK}])[{_BLANK}]+|(?<=[{_BLANK}])(?<! ))"
    rf"|(?P<invisible>(?<=[{_INVISIBLE}])[{_INVISIBLE}]*)"
    rf"|(?P<accent>(?<=[{_ACCENTED}]))"
    rf"|(?P<shape>(?<=[{_SHAPED}]))"
    ")"
)
_EDGES = " \t\r\n\u00a0…"

_WORD = r"[^\W\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"
"""Letters and digits, but none of a script that puts no blanks between words: there every place is a boundary."""

_JOINT = rf"[{_HYPHEN}{LINE_END_HYPHENS}{_INVISIBLE}'’]"
_CUT = "\x00"
_PARTED = re.compile(
    rf"{_WORD}{_JOINT}?{_CUT}{_WORD}|{_WORD}{_CUT}{_JOINT}{_WORD}"  # non-|compliant, can|'t
    rf"|\d[,:/'’]{_CUT}\d|\d{_CUT}(?:[.,:/'’]\d|[%‰°])|\.{_CUT}\d"  # 330|,000, 5|%
    rf"|\d[^\S\n]+{_CUT}[.,]\d|\d{_CUT}[^\S\n]+[.,]\d"  # 88| .41
    rf"|(?:\A|[^\w)\]%])[-−–±+]{_CUT}[$€£¥]?\.?\d|[$€£¥]{_CUT}\.?\d"  # -|5, $|5
)
_REACH = 8
_WIDEST = 4
_LOOK = 64
_MOST_LOOKS = 16


@dataclass(frozen=True, slots=True)
class Found:
    """Where a quote stands: `text[start:end]`."""

    start: int
    end: int
    verified: Literal["exact", "normalised"]


class _Piece(NamedTuple):
    """A stretch of text in its comparable form, and where it comes from; `kind` is "" where nothing was changed."""

    text: str
    start: int
    end: int
    kind: str


@dataclass(frozen=True, slots=True)
class _Folded:
    """Text in its comparable form: `pieces`, which begin at `starts`.

    Hyphens inside words are left out; where they stood is `firm`, or `loose` where they were at a line's end.
    """

    text: str
    pieces: list[_Piece]
    starts: list[int]
    firm: list[int]
    loose: list[int]

    def origin(self, place: int) -> tuple[int, int]:
        """Start and end of what the character at `place` stands for."""
        number = bisect_right(self.starts, place) - 1
        piece = self.pieces[number]
        if piece.kind:
            return piece.start, piece.end
        start = piece.start + place - self.starts[number]
        return start, start + 1


def find_quote(quote: str, text: str) -> Found | None:
    """Where `quote` stands in `text`; None where it does not, or where it has no word that carries meaning."""
    bare = _bare(quote)
    if not terms(bare):
        return None
    if len(bare) > _WIDEST * len(text):
        return None
    for start in _places(bare, text):
        return Found(start, start + len(bare), "exact")
    wanted = _fold(bare)
    return _find_folded(wanted, wanted.text, text) or _find_folded(wanted, wanted.text.rstrip(".,;:"), text)


def _bare(quote: str) -> str:
    return quote.strip(_EDGES).removeprefix("...").removesuffix("...").strip(_EDGES)


def _find_folded(wanted: _Folded, words: str, text: str) -> Found | None:
    folded = _fold(text)
    for start in _places(words, folded.text):
        if _same_hyphens(wanted, folded, start, len(words)):
            return Found(folded.origin(start)[0], folded.origin(start + len(words) - 1)[1], "normalised")
    return None


def _same_hyphens(wanted: _Folded, folded: _Folded, start: int, length: int) -> bool:
    """Whether the words' hyphens agree; one at a line's end may belong to the word or not."""
    firm, loose = (_within(places, start, length) for places in (folded.firm, folded.loose))
    asked, open_ = (_within(places, 0, length) for places in (wanted.firm, wanted.loose))
    return firm <= asked | open_ and asked <= firm | loose


def _within(places: list[int], start: int, length: int) -> set[int]:
    return {place - start for place in places[bisect_right(places, start) : bisect_left(places, start + length)]}


@lru_cache(maxsize=128)
def _fold(text: str) -> _Folded:
    pieces = list(_pieces(text))
    starts = [0, *accumulate(len(piece.text) for piece in pieces[:-1])]
    firm, loose = (
        [start for start, piece in zip(starts, pieces, strict=True) if piece.kind == kind] for kind in ("firm", "loose")
    )
    return _Folded("".join(piece.text for piece in pieces), pieces, starts, firm, loose)


def _pieces(text: str) -> Iterator[_Piece]:
    done = 0
    for odd in _ODD.finditer(text):
        yield _Piece(text[done : odd.start()], done, odd.start(), "")
        yield _Piece(_plain(odd), *odd.span(), odd.lastgroup or "")
        done = odd.end()
    yield _Piece(text[done:], done, len(text), "")


def _plain(odd: re.Match[str]) -> str:
    """What an odd piece of text is in the comparable form."""
    match odd.lastgroup:
        case "blank":
            return " "
        case "dash":
            return "—"
        case "joined":
            return "-"
        case "shape":
            return _SHAPES.get(odd.group()) or _LIGATURES[odd.group()]
        case "accent":
            return unicodedata.normalize("NFD", odd.group())
        case _:
            return ""


def _places(words: str, text: str) -> Iterator[int]:
    """The places where `words` stand in `text` as whole words and whole numbers."""
    # Bounded, so that text like "aaaa…" costs no more than reading it a few times.
    work = _MOST_LOOKS * (len(text) + len(words) + _LOOK)
    start = text.find(words) if words else -1
    while start >= 0 and work >= 0:
        end = start + len(words)
        if not _parts(text, start) and not _parts(text, end):
            yield start
        work -= len(words) + _LOOK
        start = text.find(words, start + 1)


def _parts(text: str, cut: int) -> bool:
    """Whether a cut at this place goes through a word or a number."""
    before, after = text[max(cut - _REACH, 0) : cut], text[cut : cut + _REACH]
    if not before or not after:
        return False
    if unicodedata.category(after[0])[0] == "M":
        return True
    if unicodedata.category(before[-1])[0] == "M":
        before = before[:-1] + "x"
    return bool(_PARTED.search(f"{before}{_CUT}{after}"))
