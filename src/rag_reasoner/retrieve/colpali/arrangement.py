"""Which of a page's vectors stands where on the page."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Places = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Cells:
    """An order of a page's vectors: first those of its cells, row by row, then the others.

    `rows` and `columns` are 0 where the places of the cells are not known.
    """

    order: Places
    rows: int
    columns: int


def in_grid(seen: NDArray[np.bool_], rows: int, columns: int) -> Cells:
    """Cells row by row, as the model reads them. `seen`: which vectors are of the image."""
    return _placed(seen, np.flatnonzero(seen), rows, columns)


def in_square(seen: NDArray[np.bool_]) -> Cells:
    """As many rows as columns."""
    side = math.isqrt(int(seen.sum()))
    return in_grid(seen, side, side)


def in_tiles(seen: NDArray[np.bool_], rows: int, columns: int, cells: int) -> Cells:
    """`rows` x `columns` tiles of `cells` cells each, tile by tile, then a small picture of the whole page.

    A page that was not cut into tiles (no rows) is that small picture alone.
    """
    side, image = math.isqrt(cells), np.flatnonzero(seen)
    rows, columns, own = (rows, columns, image[:-cells]) if rows and columns else (1, 1, image)
    if own.size != rows * columns * side * side:
        return _unknown(seen)
    by_row = own.reshape(rows, columns, side, side).transpose(0, 2, 1, 3).ravel()
    return _placed(seen, by_row, rows * side, columns * side)


def _placed(seen: NDArray[np.bool_], image: Places, rows: int, columns: int) -> Cells:
    if image.size != rows * columns:
        return _unknown(seen)
    others = np.setdiff1d(np.arange(seen.size), image)
    return Cells(np.concatenate([image, others]), rows, columns)


def _unknown(seen: NDArray[np.bool_]) -> Cells:
    return Cells(np.arange(seen.size), 0, 0)
