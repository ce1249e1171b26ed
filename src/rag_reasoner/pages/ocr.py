"""Pages without a text layer, read by rapidocr where the `ocr` extra is installed."""

import re
from collections.abc import Iterator
from dataclasses import replace
from importlib.util import find_spec
from typing import Any

from rag_reasoner.errors import MissingExtra, Unreadable
from rag_reasoner.pages.pool import Pool
from rag_reasoner.types import Box, Document, Word

OCR_PIXELS = 4_000_000
WORD = re.compile(r"\S+")


def recogniser(wanted: bool | None) -> "Recogniser | None":
    """A recogniser; None where it is not wanted, or neither demanded nor installed."""
    if wanted is False:
        return None
    installed = find_spec("rapidocr") is not None and find_spec("onnxruntime") is not None
    if not installed and wanted:
        raise MissingExtra("reading pages without a text layer", "ocr")
    return Recogniser() if installed else None


class Recogniser:
    """Reads the words off images. Its models are loaded for the first page that needs them."""

    def __init__(self) -> None:
        self._engine: Any = None

    def recognised(self, document: Document, pool: Pool) -> Document:
        """The document with the text on its image, where it has no other; unchanged where none is found."""
        if not document.metadata.get("no_text") or document.image is None:
            return document
        from rag_reasoner.pages.image import load

        try:
            page = load(document.image, max_pixels=OCR_PIXELS, pool=pool)
        except Unreadable:
            return document  # it stays without text, and is reported as such
        lines = self._lines(page)
        return _with_lines(document, lines) if lines else document

    def _lines(self, page: Any) -> list[tuple[str, Box]]:
        import numpy

        found = self._loaded()(numpy.asarray(page))
        if found.txts is None:
            return []
        return [(text, _box(corners, *page.size)) for text, corners in zip(found.txts, found.boxes, strict=True)]

    def _loaded(self) -> Any:
        if self._engine is None:
            from rapidocr import RapidOCR

            self._engine = RapidOCR(params={"Global.log_level": "error"})
        return self._engine


def _with_lines(document: Document, lines: list[tuple[str, Box]]) -> Document:
    words: list[Word] = []
    start = 0
    for text, box in lines:
        words += _words(text, box, start)
        start += len(text) + 1
    metadata = {name: value for name, value in document.metadata.items() if name != "no_text"}
    text = "\n".join(text for text, _ in lines)
    return replace(document, text=text, words=tuple(words), metadata={**metadata, "ocr": True})


def _words(line: str, box: Box, start: int) -> Iterator[Word]:
    """The words of a line, their boxes by their share of its characters: rapidocr finds lines, not words."""
    step = (box.right - box.left) / max(len(line), 1)
    for match in WORD.finditer(line):
        left, right = box.left + match.start() * step, box.left + match.end() * step
        yield Word(start + match.start(), start + match.end(), Box(left, box.top, right, box.bottom))


def _box(corners: Any, width: int, height: int) -> Box:
    xs, ys = [float(x) / width for x, _ in corners], [float(y) / height for _, y in corners]
    return Box(*(min(max(value, 0.0), 1.0) for value in (min(xs), min(ys), max(xs), max(ys))))
