"""The words of a PDF's page and where they stand. Runs in the worker process only."""

import re
from ctypes import c_double, c_int
from typing import NamedTuple

import pypdfium2 as pdfium
import pypdfium2.raw as raw

from rag_reasoner.pages.units import Units

WORD = re.compile(r"\S+")
GRID = 1_000_000
"""pdfium tells places on a page as whole numbers on a device of this many pixels each way."""

PLACES = 5
"""Decimals kept of a fraction: a hundredth of a millimetre on paper."""


def boxed_words(page: pdfium.PdfPage, textpage: pdfium.PdfTextPage, units: Units) -> list[list[float]]:
    """Start, end, left, top, right and bottom of each word; the box as fractions of the page as it is seen."""
    seen = _Seen.of(page)
    found = []
    for match in WORD.finditer(units.text):
        first = raw.FPDFText_GetCharIndexFromTextIndex(textpage, units.unit(match.start()))
        last = raw.FPDFText_GetCharIndexFromTextIndex(textpage, units.unit(match.end() - 1))
        if rectangles := _rectangles(textpage, first, last):
            found.append([match.start(), match.end(), *seen.box(rectangles)])
    return found


def _rectangles(textpage: pdfium.PdfTextPage, first: int, last: int) -> list[tuple[float, float, float, float]]:
    if first < 0 or last < first:
        return []
    left, top, right, bottom = c_double(), c_double(), c_double(), c_double()
    rectangles = []
    for index in range(raw.FPDFText_CountRects(textpage, first, last - first + 1)):
        if raw.FPDFText_GetRect(textpage, index, left, top, right, bottom):
            rectangles.append((left.value, top.value, right.value, bottom.value))
    return rectangles


class _Seen(NamedTuple):
    """The way from a page's own coordinates to fractions of the page as it is seen: cropped and rotated."""

    origin: tuple[float, float]
    along_x: tuple[float, float]
    along_y: tuple[float, float]

    @classmethod
    def of(cls, page: pdfium.PdfPage) -> "_Seen":
        left, bottom, right, top = page.get_bbox()
        start, by_x, by_y = (_on_grid(page, *point) for point in ((left, bottom), (right, bottom), (left, top)))
        along_x = ((by_x[0] - start[0]) / (right - left), (by_x[1] - start[1]) / (right - left))
        along_y = ((by_y[0] - start[0]) / (top - bottom), (by_y[1] - start[1]) / (top - bottom))
        origin = tuple(start[axis] - left * along_x[axis] - bottom * along_y[axis] for axis in (0, 1))
        return cls((origin[0], origin[1]), along_x, along_y)

    def box(self, rectangles: list[tuple[float, float, float, float]]) -> list[float]:
        """The box around all `rectangles`, within the page."""
        corners = [self._at(x, y) for left, top, right, bottom in rectangles for x, y in ((left, top), (right, bottom))]
        xs, ys = zip(*corners, strict=True)
        return [_fraction(value) for value in (min(xs), min(ys), max(xs), max(ys))]

    def _at(self, x: float, y: float) -> tuple[float, float]:
        return (
            self.origin[0] + x * self.along_x[0] + y * self.along_y[0],
            self.origin[1] + x * self.along_x[1] + y * self.along_y[1],
        )


def _on_grid(page: pdfium.PdfPage, x: float, y: float) -> tuple[float, float]:
    across, down = c_int(), c_int()
    if not raw.FPDF_PageToDevice(page, 0, 0, GRID, GRID, 0, x, y, across, down):
        return 0.0, 0.0
    return across.value / GRID, down.value / GRID


def _fraction(value: float) -> float:
    return round(min(max(value, 0.0), 1.0), PLACES)
