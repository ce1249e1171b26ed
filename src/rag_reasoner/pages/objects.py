"""The objects painted on a PDF's page, with their places. Runs in the worker process only."""

from collections.abc import Callable, Iterator
from itertools import islice

import pypdfium2 as pdfium
import pypdfium2.raw as raw

from rag_reasoner.pages import native

MAX_DEPTH = 8
"""How deep forms in forms are followed."""

MAX_OBJECTS = 200_000

Get = Callable[[int, int], int]
Matrix = tuple[float, float, float, float, float, float]
Rectangle = tuple[float, float, float, float]
IDENTITY: Matrix = (1, 0, 0, 1, 0, 0)


Painted = tuple[int, int, Matrix, Rectangle]
"""pdfium's pointer to an object, its kind, the matrix of the form that it stands in, and its area on the page."""


def painted(page: pdfium.PdfPage) -> Iterator[Painted]:
    """The page's objects in the order in which they are painted, forms replaced by what is in them."""
    opened = native.handle(page)
    found = _flattened(native.get_object, opened, native.count_objects(opened), IDENTITY, 0)
    return islice(found, MAX_OBJECTS)


def _flattened(get: Get, parent: int, count: int, matrix: Matrix, depth: int) -> Iterator[Painted]:
    for index in range(count):
        item = get(parent, index)
        kind = native.kind_of(item)
        if kind == raw.FPDF_PAGEOBJ_FORM:
            if depth < MAX_DEPTH:
                inner = times(native.matrix(item), matrix)
                yield from _flattened(native.get_inside, item, native.count_inside(item), inner, depth + 1)
        elif area := native.bounds(item):
            yield item, kind, matrix, area if matrix is IDENTITY else moved(area, matrix)


def times(first: Matrix, then: Matrix) -> Matrix:
    """One matrix applied after the other."""
    a, b, c, d, e, f = first
    g, h, i, j, k, m = then
    return a * g + b * i, a * h + b * j, c * g + d * i, c * h + d * j, e * g + f * i + k, e * h + f * j + m


def moved(area: Rectangle, matrix: Matrix) -> Rectangle:
    """The upright rectangle around `area` as `matrix` moves it."""
    a, b, c, d, e, f = matrix
    left, bottom, right, top = area
    corners = [(a * x + c * y + e, b * x + d * y + f) for x in (left, right) for y in (bottom, top)]
    xs, ys = zip(*corners, strict=True)
    return min(xs), min(ys), max(xs), max(ys)
