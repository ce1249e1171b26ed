"""A page without a text layer gets the text on its image, where somebody can read it."""

import sys
from types import SimpleNamespace

import pytest
from small_pdf import Page, pdf, text

from rag_reasoner.boxes import boxes_of
from rag_reasoner.pages import read, with_words
from rag_reasoner.types import Box

CORNERS = [[(0.1, 0.1), (0.5, 0.1), (0.5, 0.2), (0.1, 0.2)], [(0.1, 0.3), (0.4, 0.3), (0.4, 0.4), (0.1, 0.4)]]


class Engine:
    """Reads the same two lines off any image that is not white."""

    def __init__(self, params):
        self.params = params

    def __call__(self, pixels):
        height, width, _ = pixels.shape
        if pixels.min() > 250:
            return SimpleNamespace(txts=None, boxes=None)
        boxes = [[(x * width, y * height) for x, y in corners] for corners in CORNERS]
        return SimpleNamespace(txts=("two words", "three"), boxes=boxes)


@pytest.fixture
def engine(monkeypatch):
    monkeypatch.setitem(sys.modules, "rapidocr", SimpleNamespace(RapidOCR=Engine))
    monkeypatch.setattr("rag_reasoner.pages.ocr.find_spec", lambda name: name)


SCAN, WHITE = Page(b"0 g 9 9 300 300 re f"), Page(b"1 g 9 9 300 300 re f")


def test_a_scan_gets_text_and_boxes(tmp_path, engine):
    (tmp_path / "s.pdf").write_bytes(pdf(SCAN, Page(text("layer")), WHITE))
    scan, layer, white = read(tmp_path).documents
    assert (scan.text, scan.metadata) == ("two words\nthree", {"pages": 3, "ocr": True})
    assert [scan.text[word.start : word.end] for word in scan.words] == ["two", "words", "three"]
    (box,) = boxes_of(scan.words, 0, 9)
    assert box == pytest.approx(Box(0.1, 0.1, 0.5, 0.2), abs=0.001)
    assert with_words(scan) is scan
    assert (layer.text, layer.words) == ("layer", ())
    assert white.metadata["no_text"]


def test_ocr_can_be_forbidden(tmp_path, engine):
    (tmp_path / "s.pdf").write_bytes(pdf(SCAN))
    assert read(tmp_path, ocr=False).without_text
