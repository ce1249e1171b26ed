"""The objects painted on a PDF's page, with their places and colours. Runs in the worker process only."""

import ctypes
from collections.abc import Iterator
from ctypes import c_float, c_uint
from typing import Any

import pypdfium2 as pdfium
import pypdfium2.raw as raw

MAX_DEPTH = 8
"""How deep forms in forms are followed."""

MAX_OBJECTS = 200_000

Matrix = tuple[float, float, float, float, float, float]
Rectangle = tuple[float, float, float, float]
IDENTITY: Matrix = (1, 0, 0, 1, 0, 0)


def painted(page: pdfium.PdfPage) -> Iterator[tuple[Any, Matrix]]:
    """The page's objects in the order in which they are painted, those inside forms with the form's matrix."""
    budget = iter(range(MAX_OBJECTS))
    for index in range(raw.FPDFPage_CountObjects(page)):
        yield from _flattened(raw.FPDFPage_GetObject(page, index), IDENTITY, 0, budget)


def _flattened(item: Any, matrix: Matrix, depth: int, budget: Iterator[int]) -> Iterator[tuple[Any, Matrix]]:
    if next(budget, None) is None:
        return
    if raw.FPDFPageObj_GetType(item) != raw.FPDF_PAGEOBJ_FORM:
        yield item, matrix
    elif depth < MAX_DEPTH:
        inner = times(matrix_of(item), matrix)
        for index in range(raw.FPDFFormObj_CountObjects(item)):
            yield from _flattened(raw.FPDFFormObj_GetObject(item, index), inner, depth + 1, budget)


def colour(item: Any, *, stroke: bool) -> tuple[int, int, int, int]:
    """Red, green, blue and alpha, 0..255, of what is filled or stroked."""
    red, green, blue, alpha = c_uint(), c_uint(), c_uint(), c_uint(255)
    ask = raw.FPDFPageObj_GetStrokeColor if stroke else raw.FPDFPageObj_GetFillColor
    ask(item, red, green, blue, alpha)
    return red.value, green.value, blue.value, alpha.value


def is_filled(item: Any) -> bool:
    """Whether a path is filled and not only drawn as a line."""
    fill, stroke = ctypes.c_int(), ctypes.c_int()
    return bool(raw.FPDFPath_GetDrawMode(item, fill, stroke)) and fill.value != raw.FPDF_FILLMODE_NONE


def area(item: Any, matrix: Matrix) -> Rectangle | None:
    """Left, bottom, right and top on the page."""
    left, bottom, right, top = c_float(), c_float(), c_float(), c_float()
    if not raw.FPDFPageObj_GetBounds(item, left, bottom, right, top):
        return None
    if matrix is IDENTITY:
        return left.value, bottom.value, right.value, top.value
    corners = [_moved(x, y, matrix) for x in (left.value, right.value) for y in (bottom.value, top.value)]
    xs, ys = zip(*corners, strict=True)
    return min(xs), min(ys), max(xs), max(ys)


def matrix_of(item: Any) -> Matrix:
    """How an object is placed in what it stands in."""
    m = raw.FS_MATRIX()
    return (m.a, m.b, m.c, m.d, m.e, m.f) if raw.FPDFPageObj_GetMatrix(item, m) else IDENTITY


def times(first: Matrix, then: Matrix) -> Matrix:
    """One matrix applied after the other."""
    a, b, c, d, e, f = first
    g, h, i, j, k, m = then
    return a * g + b * i, a * h + b * j, c * g + d * i, c * h + d * j, e * g + f * i + k, e * h + f * j + m


def _moved(x: float, y: float, matrix: Matrix) -> tuple[float, float]:
    a, b, c, d, e, f = matrix
    return a * x + c * y + e, b * x + d * y + f


def address(item: Any) -> int:
    """Where pdfium keeps an object: what makes it the same one."""
    return ctypes.cast(item, ctypes.c_void_p).value or 0
