"""Passages: overlapping stretches of a document's text, each a document of its own."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace

from rag_reasoner.types import Document, Word

Span = tuple[int, int]

BLOCK_WORDS = 75
"""A passage is two neighbouring blocks of this many words, so that each block is seen with what is around it."""

_WORD = re.compile(r"\S+")


def blocks(text: str) -> tuple[Span, ...]:
    """The spans of `text`'s blocks, in order. Text without words is one block."""
    words = [match.span() for match in _WORD.finditer(text)]
    starts = range(0, len(words), BLOCK_WORDS)
    runs = [words[start : start + BLOCK_WORDS] for start in starts]
    return tuple((run[0][0], run[-1][1]) for run in runs) or ((0, len(text)),)


def pairs(spans: Sequence[Span]) -> list[Span]:
    """The passages of a document with these blocks, as (first block, block after the last)."""
    return [(first, min(first + 2, len(spans))) for first in range(max(len(spans) - 1, 1))]


def passage(document: Document, number: int, start: int, end: int) -> Document:
    """`document.text[start:end]` as a document: the `number`-th passage, from 1, with its words, and where it is from.

    `metadata["passage"]` says where it stands in its parent: `{"of": id, "start": ..., "end": ...}`.
    """
    metadata = {**document.metadata, "passage": {"of": document.id, "start": start, "end": end}}
    if "hidden_text" in metadata:
        metadata["hidden_text"] = _clipped(metadata["hidden_text"], start, end)
    words = tuple(_shifted(word, start) for word in document.words if start <= word.start and word.end <= end)
    return replace(
        document, id=f"{document.id}#c{number}", text=document.text[start:end], words=words, metadata=metadata
    )


def _shifted(word: Word, by: int) -> Word:
    return replace(word, start=word.start - by, end=word.end - by)


def _clipped(spans: Iterable[Span], start: int, end: int) -> tuple[Span, ...]:
    """The parts of `spans` within start..end, counted from `start`."""
    inside = ((max(left, start) - start, min(right, end) - start) for left, right in spans)
    return tuple(span for span in inside if span[0] < span[1])
