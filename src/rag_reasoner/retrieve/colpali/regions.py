"""Where on a page the model sees what was asked for: evidence for the eye, never a verified quote."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from rag_reasoner.types import Box

MOST = 3
"""Regions of a page."""

LEAST_HEAT = 0.5
"""A cell belongs to a region if it is at least this hot, as a part of the hottest."""

LEAST_RISE = 1e-3
"""A page whose hottest cell rises less above the others shows nothing in particular."""

Floats = NDArray[np.float32]


def similarity_map(query: Floats, cells: Floats, rows: int, columns: int) -> Floats:
    """How well each cell of a page fits each token of a question, (tokens, rows, columns).

    `query` is (tokens, dim), `cells` (rows * columns, dim), row by row: their dot products.
    """
    products: Floats = (query @ cells.T).reshape(len(query), rows, columns)
    return products


def regions(similarity: Floats, most: int = MOST) -> tuple[Box, ...]:
    """Boxes around what the tokens of a question point at, the hottest first; `similarity` is (tokens, rows, columns).

    A cell's heat is what it rises above the page's median, summed over the tokens: a token that every cell fits alike
    says nothing about where to look.
    """
    if not similarity.size:
        return ()
    middle = np.median(similarity, axis=(1, 2), keepdims=True)
    heat = np.maximum(similarity - middle, 0).sum(axis=0)
    hottest = float(heat.max())
    if hottest < LEAST_RISE * len(similarity):
        return ()
    found = sorted(_patches(heat >= LEAST_HEAT * hottest), key=lambda cells: -float(heat[cells].sum()))
    return tuple(_box(*cells, heat.shape) for cells in found[:most])


Patch = tuple[NDArray[np.intp], NDArray[np.intp]]


def _patches(hot: NDArray[np.bool_]) -> Iterator[Patch]:
    """The connected stretches of `hot` cells, as their rows and columns; cells touch at sides and corners."""
    left = {(int(row), int(column)) for row, column in np.argwhere(hot)}
    while left:
        grown = [left.pop()]
        for row, column in grown:
            near = {(row + down, column + right) for down in (-1, 0, 1) for right in (-1, 0, 1)} & left
            left -= near
            grown += near
        rows, columns = zip(*grown, strict=True)
        yield np.array(rows), np.array(columns)


def _box(rows: NDArray[np.intp], columns: NDArray[np.intp], shape: tuple[int, ...]) -> Box:
    high, wide = shape
    return Box(
        float(columns.min()) / wide,
        float(rows.min()) / high,
        float(columns.max() + 1) / wide,
        float(rows.max() + 1) / high,
    )
