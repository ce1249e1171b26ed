"""Finding pages: a small collection is scored whole, of a large one the pages that their sketches propose.

How many are scored is not fixed. Proposals are scored in rounds, each as large as all before it, until one round has
brought nothing into the best 2k. Where sketches tell pages apart this is soon; where they do not, it goes on, if need
be to the last page: the work follows the difficulty, not the size. (Were the order of proposals pure chance, a round
would bring nothing, and so end the search too early, once in 2**2k times.)
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from rag_reasoner.retrieve.maxsim import Scores
from rag_reasoner.retrieve.store.proposals import Propose
from rag_reasoner.retrieve.store.scoring import exact_scores
from rag_reasoner.retrieve.store.snapshot import Places, Snapshot

EXACT_PAGES = 1024
"""A collection of at most so many pages is scored whole."""

FIRST_ROUND = 128
"""Pages scored before the best are looked at for the first time; at least four times k."""

WATCHED = 2
"""The best so many times k must not change in a whole round."""

Found = tuple[Places, Scores]


def best_pages(
    snapshot: Snapshot, query: NDArray[np.float32], k: int, places: Places, propose: Callable[[], Propose]
) -> Found:
    """The best `k` of `places` and their exact scores, best first; equals in the order of `places`."""
    if len(places) <= max(EXACT_PAGES, 4 * k):
        return _best(places, exact_scores(snapshot, query, places), k)
    return _proposed(snapshot, query, k, places, propose())


def _proposed(snapshot: Snapshot, query: NDArray[np.float32], k: int, places: Places, propose: Propose) -> Found:
    best: Found = (np.empty(0, np.int64), np.empty(0, np.float32))
    seen, wanted = best[0], max(FIRST_ROUND, 4 * k)
    while len(seen) < len(places):
        fresh = np.setdiff1d(propose(wanted), seen)
        scores = exact_scores(snapshot, query, fresh)
        better = _best(np.concatenate([best[0], fresh]), np.concatenate([best[1], scores]), WATCHED * k)
        if len(seen) and not np.isin(better[0], fresh).any():
            break
        best, seen, wanted = better, np.union1d(seen, fresh), 2 * wanted
    return best[0][:k], best[1][:k]


def _best(places: Places, scores: Scores, k: int) -> Found:
    order = np.lexsort((places, -scores))[:k]
    return places[order], scores[order]
