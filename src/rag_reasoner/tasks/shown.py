"""A document as a model sees it: cut to the spans that matter, and with every mark that could pose as ours made harmless.

Each character shown stands for one character of the document, so that a quote is mapped back by counting.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from rag_reasoner.messages import DocumentText, ImagePart, Part, Text
from rag_reasoner.types import Candidate, Image

Span = tuple[int, int]

TAGS = ("evidence", "rank", "answer", "think")
"""The tags of our reply formats: a document may not write them."""

GAP = " … "
"""Stands where a part of the document was left out."""

_TAG = re.compile(rf"<(?=\s*/?\s*(?:{'|'.join(TAGS)})\b)", re.IGNORECASE)
_MARK = re.compile(r"\[(\s*\d+\s*)\]")
_LINE_END_HYPHEN = "\u0002\ufffe"
_UNPRINTABLE = {code: " " for code in (*range(32), 127, *range(128, 160)) if chr(code) not in "\n\t"}
_PLAIN = str.maketrans({**_UNPRINTABLE, **dict.fromkeys(map(ord, _LINE_END_HYPHEN), "-")})


def neutralise(text: str) -> str:
    """`text`, as long as before, without our tags, without `[12]`-like marks, and without control characters."""
    return _MARK.sub(r"(\1)", _TAG.sub("‹", text.translate(_PLAIN)))


@dataclass(frozen=True, slots=True)
class Shown:
    """A candidate's document as shown: `text` stands for `spans` of the document, with `GAP` between them."""

    title: str
    text: str
    spans: tuple[Span, ...]
    image: Image | None = None
    cut: bool = False

    def original(self, start: int, end: int) -> Span | None:
        """The span of the document that `text[start:end]` stands for; None where it reaches across a gap."""
        shown = 0
        for left, right in self.spans:
            if shown <= start and end <= shown + right - left:
                return left + start - shown, left + end - shown
            shown += right - left + len(GAP)
        return None

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
    return Shown(neutralise(" ".join(document.title.split())), text, kept, image, cut=spans is not None)
