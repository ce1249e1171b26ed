"""A page in a few vectors: means of runs of its tokens, from which pages are proposed before they are scored.

Neighbouring tokens of a page image are neighbouring patches, so a run is a band of the page.
"""

import numpy as np
from numpy.typing import NDArray

RUNS = 16
"""Runs of a page of ordinary length; a shorter page has one a token."""


def sketch(vectors: NDArray[np.float32]) -> NDArray[np.float16]:
    """The means of at most RUNS runs of about equal length, (runs, dim)."""
    runs = sketch_size(len(vectors))
    if not runs:
        return np.empty((0, vectors.shape[1]), np.float16)
    edges = np.linspace(0, len(vectors), runs + 1).astype(np.intp)
    sums = np.add.reduceat(vectors, edges[:-1], axis=0)
    return (sums / np.diff(edges)[:, None]).astype(np.float16)


def sketch_size(tokens: int) -> int:
    """How many vectors stand for a page of so many tokens."""
    return min(RUNS, tokens)
