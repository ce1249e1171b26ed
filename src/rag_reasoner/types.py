"""The values that travel through the library. Frozen, slotted, and free of imports beyond the standard library.

`page` is 1-based everywhere. Boxes are fractions 0..1 of the page, origin top-left. Text offsets count characters
of `Document.text`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, NamedTuple

Verified = Literal["exact", "normalised", "none"]


class Box(NamedTuple):
    """A rectangle on a page, as fractions 0..1 of its width and height, origin top-left."""

    left: float
    top: float
    right: float
    bottom: float


@dataclass(frozen=True, slots=True)
class Word:
    """A word of a page: `Document.text[start:end]`, and where it stands on the page."""

    start: int
    end: int
    box: Box


@dataclass(frozen=True, slots=True)
class Image:
    """An image by reference (a file, a PDF's page, a URL) or as encoded bytes; decoded only where it is needed.

    `sha256` is that of the bytes or of the file referred to. An image read back from JSON may have nothing else.
    """

    path: str | None = None
    page: int | None = None
    url: str | None = None
    data: bytes | None = field(default=None, repr=False)
    media_type: str | None = None
    sha256: str | None = None
    password: str | None = field(default=None, repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Document:
    """A text, an image, or both: a page of a PDF, a picture, a passage.

    `words` are the page's words with their boxes, empty where there is no page. `metadata["hidden_text"]` holds the
    (start, end) spans of text that a person cannot see on the page.
    """

    id: str
    text: str = ""
    image: Image | None = None
    source: str | None = None
    page: int | None = None
    title: str = ""
    words: tuple[Word, ...] = field(default=(), repr=False)
    metadata: Mapping[str, Any] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A document that may help to answer. Its `position` in the input is its identity: ids may repeat.

    `scores` keeps every score apart under the name of what gave it ("lexical", "colpali", ...); a score is added,
    never overwritten. `regions` are where on the page a visual first stage sees what was asked for, the strongest
    first: evidence for the eye, never a verified quote.
    """

    document: Document
    position: int = 0
    scores: Mapping[str, float] = field(default_factory=dict, hash=False)
    regions: tuple[Box, ...] = ()

    def scored(self, name: str, score: float) -> "Candidate":
        """A copy that also carries `score` under `name`."""
        return replace(self, scores={**self.scores, name: score})


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that went wrong and what it touched: reported, never hidden.

    `kind` is one of `FAULTS`; `position` the candidate's, where the fault belongs to one.
    """

    kind: str
    detail: str = ""
    position: int | None = None
    source: str | None = None


FAULTS: Mapping[str, str] = {
    "no_answer": "the reply states no answer",
    "unreadable": "the reply, or a part of it, could not be read",
    "misformatted": "the reply strays from the format, but could be read",
    "duplicate": "the reply names a document twice; the first mention counts",
    "out_of_range": "the reply names a document that was not shown",
    "missing": "the reply leaves out a document; it keeps its coarse order after those named",
    "truncated": "the reply was cut off before its end",
    "unverified_quote": "a quote does not stand in the document it is attributed to",
    "unfounded_citation": "the answer cites a document for which there is no verified quote",
    "uncited": "the answer cites no document",
    "backend_error": "the model could not be asked; coarse order kept",
    "budget": "the budget of time or tokens was used up; coarse order kept from there on",
    "untrained": "the model was never trained for this task; its order is worth little",
    "uncalibrated": "probabilities are not calibrated: only their order means something",
    "all_equal": "the model gave every candidate the same score: it does not tell them apart",
    "cut": "a document was cut to the passages that matter, to fit the model's context",
    "image_unread": "an image could not be read; the candidate was judged without it",
    "image_unseen": "the model does not read images; the candidate was judged by its text alone",
    "empty": "the document has neither text nor image: there is nothing to judge it by",
    "hidden_text": "the page has text that a person cannot see on it",
    "unread": "a file or page could not be read",
    "outdated": "the file has changed, or gone, since it was indexed",
    "no_text": "a page has no text layer; it can be found and checked by eye only",
}
"""Every kind of fault and what it means."""


@dataclass(frozen=True, slots=True)
class Citation:
    """A quote and where it stands.

    `verified` is "exact" or "normalised" (up to blanks, hyphens at line ends, ligatures and quotation marks) when
    the quote was found: then `quote == document.text[start:end]`. It is "none" when it was not found, and then
    `start` and `end` are empty, and so are `boxes`, unless the page has no text and a visual first stage saw where to
    look: then they are the candidate's `regions`. `position` is the candidate's.
    """

    document_id: str
    page: int | None
    quote: str
    start: int | None = None
    end: int | None = None
    boxes: tuple[Box, ...] = ()
    verified: Verified = "none"
    position: int = 0
    hidden: bool = False


@dataclass(frozen=True, slots=True)
class Judgement:
    """A candidate's place in the ranking, with the reasons. `rank` counts from 1.

    `probability` is P(relevant) of the coarse filter, None where nothing judged it. `ordered_by` and `reasoned_by`
    name what made the place and the reasoning: a model's name, "extractive", or "coarse order".
    """

    candidate: Candidate
    rank: int
    probability: float | None = None
    reasoning: str = ""
    citations: tuple[Citation, ...] = ()
    ordered_by: str = ""
    reasoned_by: str = ""


@dataclass(frozen=True, slots=True)
class Dropped:
    """A candidate that the filter took out, and why."""

    candidate: Candidate
    probability: float | None
    reason: str


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer whose `[n]` marks are the ranks of the documents cited. `abstained`: the documents do not say."""

    text: str
    citations: tuple[Citation, ...] = ()
    abstained: bool = False
    answered_by: str = ""


@dataclass(frozen=True, slots=True)
class Usage:
    """What a run cost: model calls, tokens read and written, images read, and documents cut to fit."""

    calls: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    images: int = 0
    cut_documents: int = 0

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(
            self.calls + other.calls,
            self.prompt_tokens + other.prompt_tokens,
            self.completion_tokens + other.completion_tokens,
            self.images + other.images,
            self.cut_documents + other.cut_documents,
        )

    @property
    def tokens(self) -> int:
        """Tokens read and written."""
        return self.prompt_tokens + self.completion_tokens
