"""Fewer vectors for a page: tokens that say nearly the same share their mean."""

import numpy as np
from numpy.typing import NDArray

from rag_reasoner.errors import MissingExtra

Groups = NDArray[np.uint16]


def grouped(vectors: NDArray[np.float32], factor: int) -> Groups:
    """The group of each token, from 0: ceil(tokens / factor) groups at most, by Ward's hierarchical clustering.

    The method of "Token Pooling in Multi-Vector Retrieval" (Clavié, Chaffin, Adams 2024), the best of three there.
    """
    wanted = -(-len(vectors) // factor)
    if wanted >= len(vectors):
        return np.arange(len(vectors), dtype=np.uint16)
    labels = _ward(vectors, wanted)
    return np.unique(labels, return_inverse=True)[1].astype(np.uint16)


def means(vectors: NDArray[np.float32], groups: Groups) -> NDArray[np.float32]:
    """One vector a group: the mean of its tokens, drawn out to their mean length, as averaging shortens."""
    count = int(groups.max(initial=0)) + 1 if len(groups) else 0
    members = np.bincount(groups, minlength=count).astype(np.float32)[:, None]
    sums = np.zeros((count, vectors.shape[1]), np.float32)
    lengths = np.zeros((count, 1), np.float32)
    np.add.at(sums, groups, vectors)
    np.add.at(lengths, groups, np.linalg.norm(vectors, axis=1, keepdims=True))
    norms = np.linalg.norm(sums, axis=1, keepdims=True)
    return np.where(norms > 0, sums / np.where(norms > 0, norms, 1) * (lengths / members), 0).astype(np.float32)


def _ward(vectors: NDArray[np.float32], wanted: int) -> NDArray[np.int32]:
    try:
        from scipy.cluster.hierarchy import fcluster, linkage
    except ImportError as error:
        raise MissingExtra("pooling tokens", "store") from error
    labels: NDArray[np.int32] = fcluster(linkage(vectors, method="ward"), t=wanted, criterion="maxclust")
    return labels
