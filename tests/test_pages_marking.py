"""Quotes are marked where they stand, and nowhere else."""

from itertools import islice
from pathlib import Path

import pytest
from PIL import Image as Pillow

from rag_reasoner import ReasoningReranker, read
from rag_reasoner.errors import InvalidInput
from rag_reasoner.pages.marking import COLOUR, highlight, marked
from rag_reasoner.types import Box, Document


def batched(data, size):
    """The bytes of an image, pixel by pixel."""
    rest = iter(data)
    while batch := tuple(islice(rest, size)):
        yield batch


EXAMPLES = Path(__file__).parents[1] / "examples" / "pdfs"


def test_only_the_boxes_change_and_the_picture_given_does_not():
    page = Pillow.new("RGB", (200, 100), "white")
    page.putpixel((50, 50), (0, 0, 0))
    out = marked(page, [Box(0.2, 0.4, 0.3, 0.6)])
    assert sorted(page.getcolors()) == [(1, (0, 0, 0)), (19999, (255, 255, 255))]
    assert out.getpixel((45, 45)) == COLOUR
    assert out.getpixel((50, 50)) == (0, 0, 0)
    assert out.getpixel((150, 50)) == (255, 255, 255)


def test_a_cited_sentence_of_a_real_page_is_marked_over_its_letters():
    reading = read(EXAMPLES / "opm-fy2018-annual-performance-report.pdf")
    page = reading.documents[6]
    result = ReasoningReranker("lexical").answer("When was the Civil Service Act signed?", [page])
    citations = result.ranked[0].citations
    out, plain = highlight(page, citations), highlight(page, [])
    after, before = (list(batched(picture.tobytes(), 3)) for picture in (out, plain))
    changed = [one != other for one, other in zip(after, before, strict=True)]
    assert citations[0].boxes
    assert 0 < sum(changed) < 0.1 * len(changed)
    inside = [pixel for pixel, was in zip(after, changed, strict=True) if was]
    assert any(sum(pixel) < 250 for pixel in inside), "the letters under the marker can be read"


def test_a_document_without_a_picture_is_named():
    with pytest.raises(InvalidInput, match="a has no picture"):
        highlight(Document("a", "words"), [])
