"""Whether an object leaves a trace on a PDF's page: drawn with it and without it. Runs in the worker process only."""

from collections.abc import Sequence
from ctypes import c_int

import pypdfium2 as pdfium
import pypdfium2.raw as raw

from rag_reasoner.pages import native
from rag_reasoner.pages.objects import Rectangle
from rag_reasoner.pages.scale import fitting, size_problem

SAME = 16
"""How far two colours may differ, of 255 in each channel, and still look the same."""

PIXELS = 500_000
"""The page is drawn at no more than this: about 72 dots an inch on paper of common size."""


def without_trace(page: pdfium.PdfPage, items: Sequence[tuple[int, Rectangle]]) -> set[int]:
    """Those of `items` that change nothing in their area of the page."""
    width, height = page.get_size()
    if not items or size_problem(width, height):
        return set()
    scale = min(fitting(width, height, None, PIXELS), 1.5)
    with_them = page.render(scale=scale)
    for item, _ in items:
        native.set_active(item, 0)
    without = page.render(scale=scale)
    for item, _ in items:
        native.set_active(item, 1)
    found = {item for item, area in items if _look_the_same(with_them, without, _region(page, with_them, area))}
    with_them.close()
    without.close()
    return found


def _look_the_same(one: pdfium.PdfBitmap, other: pdfium.PdfBitmap, region: tuple[int, int, int, int]) -> bool:
    left, top, right, bottom = region
    mine, theirs = memoryview(one.buffer).cast("B"), memoryview(other.buffer).cast("B")
    for row in range(top, bottom):
        start, end = row * one.stride + left * one.n_channels, row * one.stride + right * one.n_channels
        before, after = mine[start:end], theirs[start:end]
        if before != after and any(abs(a - b) > SAME for a, b in zip(before, after, strict=True)):
            return False
    return True


def _region(page: pdfium.PdfPage, bitmap: pdfium.PdfBitmap, area: Rectangle) -> tuple[int, int, int, int]:
    """Left, top, right and bottom of `area` in pixels."""
    x1, y1 = _pixel(page, bitmap, area[0], area[1])
    x2, y2 = _pixel(page, bitmap, area[2], area[3])
    return (
        max(min(x1, x2) - 1, 0),
        max(min(y1, y2) - 1, 0),
        min(max(x1, x2) + 2, bitmap.width),
        min(max(y1, y2) + 2, bitmap.height),
    )


def _pixel(page: pdfium.PdfPage, bitmap: pdfium.PdfBitmap, x: float, y: float) -> tuple[int, int]:
    across, down = c_int(), c_int()
    raw.FPDF_PageToDevice(page, 0, 0, bitmap.width, bitmap.height, 0, x, y, across, down)
    return across.value, down.value
