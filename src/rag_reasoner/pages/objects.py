"""The objects painted on a PDF's page, with their places. Runs in the worker process only."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import pypdfium2 as pdfium
import pypdfium2.raw as raw

from rag_reasoner.pages import native

MAX_DEPTH = 8
"""How deep forms in forms are followed."""

MAX_OBJECTS = 200_000

Matrix = tuple[float, float, float, float, float, float]
Rectangle = tuple[float, float, float, float]
IDENTITY: Matrix = (1, 0, 0, 1, 0, 0)


class Painted(NamedTuple):
    """An object (pdfium's pointer to it), its kind, the matrix of the form that it stands in, its area on the page."""

    item: int
    kind: int
    matrix: Matrix
    area: Rectangle


def painted(page: pdfium.PdfPage) -> Iterator[Painted]:
    """The page's objects in the order in which they are painted, forms replaced by what is in them."""
    budget = iter(range(MAX_OBJECTS))
    opened = native.handle(page)
    items = (native.get_object(opened, index) for index in range(native.count_objects(opened)))
    return _flattened(items, IDENTITY, 0, budget)


def _flattened(items: Iterable[int], matrix: Matrix, depth: int, budget: Iterator[int]) -> Iterator[Painted]:
    for item, _ in zip(items, budget, strict=False):
        kind = native.kind_of(item)
        if kind != raw.FPDF_PAGEOBJ_FORM:
            area = native.bounds(item)
            if area is not None:
                yield Painted(item, kind, matrix, area if matrix is IDENTITY else moved(area, matrix))
        elif depth < MAX_DEPTH:
            yield from _flattened(_inside(item), times(native.matrix(item), matrix), depth + 1, budget)


def _inside(form: int) -> Iterator[int]:
    return (native.get_inside(form, index) for index in range(native.count_inside(form)))


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
