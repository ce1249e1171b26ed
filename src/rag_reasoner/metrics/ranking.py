"""Ranking metrics of one query: an order of ids, the best first, against what is relevant.

`relevant` is a collection of ids (all of grade 1) or a mapping of ids to grades; a grade of 0 or less is "not
relevant". An id that is named twice counts where it is first named and takes no second place. Every figure lies in
0..1, and is 0 where nothing is relevant or nothing was ranked. `k` cuts the order; None means all of it. The figures
are trec_eval's (Voorhees and Harman, TREC, 2005): a short order is not excused, precision@k always divides by k.
"""

import math
from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from rag_reasoner.errors import InvalidInput

Id = TypeVar("Id", bound=Hashable)


def recall(ranked: Iterable[Id], relevant: Collection[Id], k: int | None = None) -> float:
    """The share of the relevant ids that stand among the first k."""
    wanted = _grades(relevant)
    return _share(sum(hits(ranked, relevant, k)), len(wanted))


def precision(ranked: Iterable[Id], relevant: Collection[Id], k: int | None = None) -> float:
    """The share of the first k places that hold a relevant id; without `k`, of the places that are filled."""
    found = hits(ranked, relevant, k)
    return _share(sum(found), len(found) if k is None else k)


def hit(ranked: Iterable[Id], relevant: Collection[Id], k: int | None = None) -> float:
    """1 if a relevant id stands among the first k, else 0 (success@k)."""
    return float(any(hits(ranked, relevant, k)))


def reciprocal_rank(ranked: Iterable[Id], relevant: Collection[Id], k: int | None = None) -> float:
    """1 / the place of the first relevant id. The mean over queries is MRR."""
    return next((1 / place for place, found in enumerate(hits(ranked, relevant, k), 1) if found), 0.0)


def average_precision(ranked: Iterable[Id], relevant: Collection[Id], k: int | None = None) -> float:
    """The precision at the place of each relevant id, summed and divided by the number of *all* relevant ids.

    AP = 1/R sum_i rel_i P@i. What was not found counts as 0. The mean over queries is MAP.
    """
    found = hits(ranked, relevant, k)
    total = sum(sum(found[:place]) / place for place, one in enumerate(found, 1) if one)
    return _share(total, len(_grades(relevant)))


def ndcg(ranked: Iterable[Id], relevant: Collection[Id], k: int | None = None) -> float:
    """Normalised discounted cumulative gain, with the grade as the gain: DCG = sum_i grade_i / log2(i + 1).

    Divided by the DCG of the best order of *all* relevant ids (Järvelin and Kekäläinen, TOIS 20(4), 2002).
    """
    grades = _grades(relevant)
    ideal = _dcg(sorted(grades.values(), reverse=True)[:k])
    return _share(_dcg([grades.get(one, 0.0) for one in _first(ranked, k)]), ideal)


def hits(ranked: Iterable[Id], relevant: Collection[Id], k: int | None = None) -> list[bool]:
    """Whether the id at each of the first k places is relevant; a second mention has no place."""
    wanted = _grades(relevant)
    return [one in wanted for one in _first(ranked, k)]


def by_score(scores: Sequence[float]) -> list[int]:
    """The positions of `scores`, the highest score first; equal scores keep their order."""
    return sorted(range(len(scores)), key=lambda position: -scores[position])


def _first(ranked: Iterable[Id], k: int | None) -> list[Id]:
    if isinstance(ranked, str):
        raise InvalidInput(f"an order is a sequence of ids, not a string: {ranked[:40]!r}")
    if k is not None and k < 1:
        raise InvalidInput(f"k is {k}: it counts places and must be 1 or more (None for all)")
    return list(dict.fromkeys(ranked))[:k]


def _grades(relevant: Collection[Id]) -> dict[Id, float]:
    if isinstance(relevant, str):
        raise InvalidInput(f"relevant ids are a collection, not a string: {relevant[:40]!r}")
    graded: Mapping[Id, Any] = relevant if isinstance(relevant, Mapping) else dict.fromkeys(relevant, 1.0)
    for one, grade in graded.items():
        if not math.isfinite(grade):
            raise InvalidInput(f"the grade of {one!r} is {grade}: use a finite number")
    return {one: float(grade) for one, grade in graded.items() if grade > 0}


def _dcg(gains: Iterable[float]) -> float:
    return math.fsum(gain / math.log2(place + 1) for place, gain in enumerate(gains, 1))


def _share(part: float, whole: float) -> float:
    return part / whole if whole else 0.0
