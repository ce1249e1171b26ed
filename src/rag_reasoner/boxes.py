"""Where a span of text stands on its page."""

from collections.abc import Iterator, Sequence

from rag_reasoner.types import Box, Word

MIN_SHARED_HEIGHT = 0.5
"""The part of the lower box's height that two words share where they stand on one line."""


def boxes_of(words: Sequence[Word], start: int, end: int) -> tuple[Box, ...]:
    """The boxes of `text[start:end]`, one for each line of words that it touches, in reading order."""
    return tuple(_lines(word.box for word in words if word.start < end and start < word.end))


def _lines(boxes: Iterator[Box]) -> Iterator[Box]:
    line: Box | None = None
    for box in boxes:
        if line is None or _continues(line, box):
            line = box if line is None else _around(line, box)
            continue
        yield line
        line = box
    if line is not None:
        yield line


def _continues(line: Box, box: Box) -> bool:
    """Whether `box` stands to the right of where `line` starts, at the same height."""
    shared = min(line.bottom, box.bottom) - max(line.top, box.top)
    lower = min(line.bottom - line.top, box.bottom - box.top)
    return box.left >= line.left and shared >= MIN_SHARED_HEIGHT * lower


def _around(one: Box, other: Box) -> Box:
    return Box(
        min(one.left, other.left), min(one.top, other.top), max(one.right, other.right), max(one.bottom, other.bottom)
    )
