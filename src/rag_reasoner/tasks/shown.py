"""A document as a model sees it: cut to the spans that matter, every mark that could pose as ours made harmless.

Each character shown stands for one character of the document, so that a quote is mapped back by counting.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from rag_reasoner.messages import DocumentText, ImagePart, Part, Text
from rag_reasoner.quotes import LINE_END_HYPHENS, Found, find_quote
from rag_reasoner.tasks.tags import TAGS
from rag_reasoner.types import Candidate, Image

Span = tuple[int, int]

GAP = " … "
"""Stands where a part of the document was left out."""

_HIDDEN = r"[\u00ad\u200b-\u200f\u2060-\u2064\ufeff]*"
_NAMES = "|".join(_HIDDEN.join(tag) for tag in TAGS)
_TAG = re.compile(rf"[<＜](?=[^\w<>＜‹]{{0,16}}(?:{_NAMES})(?![^\W_]))", re.IGNORECASE)
_MARK = re.compile(r"[\[［【〔]([^\[\]［］【】〔〕]++)[\]］】〕]")
_WORD = re.compile(r"[^\W\d_]+")
_CITING = {"doc", "document", "passage", "page", "source", "image"}
_CODES = (*range(32), 127, *range(128, 160), *range(0xD800, 0xE000))  # halves of surrogate pairs break tokenizers
_UNPRINTABLE = {code: " " for code in _CODES if chr(code) not in "\n\t"}
_BLANKED = {code: " " for code in _UNPRINTABLE if chr(code) not in LINE_END_HYPHENS}
_PLAIN = str.maketrans({**_UNPRINTABLE, **dict.fromkeys(map(ord, LINE_END_HYPHENS), "-")})


def disarm(text: str) -> str:
    """`text`, as long as before, without our tags and without `[12]`-like marks."""
    return _MARK.sub(_disarmed, _TAG.sub("‹", text))


def _disarmed(mark: re.Match[str]) -> str:
    """`(12)` for `[12]`; other words in brackets stay as they are."""
    inside = mark[1]
    words = {word.lower() for word in _WORD.findall(inside)}
    return f"({inside})" if words <= _CITING and any(map(str.isdigit, inside)) else mark[0]


def neutralise(text: str) -> str:
    """`text`, as long as before, without anything that could pose as ours, and without control characters."""
    return disarm(text).translate(_PLAIN)


@dataclass(frozen=True, slots=True)
class Shown:
    """A candidate's document as shown: `text` stands for `spans` of the document, with `GAP` between them."""

    title: str
    text: str
    spans: tuple[Span, ...]
    original: str = field(repr=False)
    image: Image | None = None
    cut: bool = False

    def locate(self, quote: str) -> Found | None:
        """Where in the document the quote stands, of what was shown of it; None where it does not."""
        for start, text in self._originals():
            if found := find_quote(quote, text):
                return replace(found, start=start + found.start, end=start + found.end)
        return None

    def _originals(self) -> Iterator[tuple[int, str]]:
        """Each span's start and text, with marks and control characters as they were shown, but hyphens as they are."""
        return ((start, disarm(self.original[start:end]).translate(_BLANKED)) for start, end in self.spans)

    def pieces(self) -> tuple[str, ...]:
        """What is shown of the text, between the gaps."""
        return tuple(neutralise(self.original[start:end]) for start, end in self.spans)

    def parts(self) -> tuple[Part, ...]:
        """Title, text and image as message parts."""
        title = (DocumentText(self.title), Text("\n")) if self.title else ()
        image = (ImagePart(self.image), Text("\n")) if self.image else ()
        return (*title, *image, DocumentText(self.text))


def show(candidate: Candidate, spans: Sequence[Span] | None = None, *, with_image: bool = False) -> Shown:
    """`candidate` as a model is to see it: whole, or only the given spans of its text, ascending and disjoint."""
    document = candidate.document
    kept = tuple(spans) if spans is not None else ((0, len(document.text)),)
    text = GAP.join(neutralise(document.text[start:end]) for start, end in kept)
    image = document.image if with_image else None
    title = neutralise(" ".join(document.title.split()))
    return Shown(title, text, kept, document.text, image, cut=spans is not None)
