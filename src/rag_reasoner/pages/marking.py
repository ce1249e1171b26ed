"""A page with its quotes marked: for whoever would rather look than believe."""

from collections.abc import Iterable, Sequence
from os import PathLike
from typing import TYPE_CHECKING

from rag_reasoner.errors import InvalidInput
from rag_reasoner.pages.image import load
from rag_reasoner.types import Box, Candidate, Citation, Document

if TYPE_CHECKING:
    from PIL.Image import Image as Pixels

COLOUR = (255, 214, 0)
"""Of the marker, RGB."""

_MARGIN = 0.002


def highlight(
    document: Document,
    citations: Iterable[Citation],
    *,
    size: tuple[int, int] | None = None,
    image_roots: Sequence[str | PathLike[str]] = (".",),
) -> "Pixels":
    """The document's picture in RGB, within `size` (width, height), with the boxes of `citations` marked.

    Raises InvalidInput where the document has no picture, Unreadable where it cannot be drawn.
    """
    return _drawn(document, [box for citation in citations for box in citation.boxes], size, image_roots)


def highlight_regions(
    candidate: Candidate,
    *,
    size: tuple[int, int] | None = None,
    image_roots: Sequence[str | PathLike[str]] = (".",),
) -> "Pixels":
    """The candidate's picture with the regions marked that a visual first stage saw; otherwise as `highlight`."""
    return _drawn(candidate.document, candidate.regions, size, image_roots)


def marked(picture: "Pixels", boxes: Iterable[Box]) -> "Pixels":
    """A copy of `picture` with `boxes` marked as with a pen: what is written there stays readable."""
    from PIL import Image, ImageChops

    pen = Image.new("RGB", picture.size, "white")
    for box in boxes:
        pen.paste(COLOUR, _pixels(box, picture.size))
    return ImageChops.multiply(picture, pen)


def _drawn(
    document: Document,
    boxes: Iterable[Box],
    size: tuple[int, int] | None,
    image_roots: Sequence[str | PathLike[str]],
) -> "Pixels":
    if document.image is None:
        raise InvalidInput(f"{document.id} has no picture to mark anything on")
    return marked(load(document.image, size=size, image_roots=image_roots), boxes)


def _pixels(box: Box, size: tuple[int, int]) -> tuple[int, int, int, int]:
    """The box in pixels, with a little room around the letters."""
    width, height = size
    left, top = (box.left - _MARGIN) * width, (box.top - _MARGIN) * height
    right, bottom = (box.right + _MARGIN) * width, (box.bottom + _MARGIN) * height
    return max(int(left), 0), max(int(top), 0), min(int(right) + 1, width), min(int(bottom) + 1, height)
