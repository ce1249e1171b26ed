"""MMDocIR's figures (Dong et al. 2025, arXiv:2501.08828): pages and layouts of a long document, by ten domains.

Its script is `metric_eval.py` of github.com/MMDocRAG/MMDocIR. What it computes stands here under an `official_` name
wherever it departs from the textbook: it divides nDCG and average precision by what was *retrieved*, counts areas that
overlap twice, and counts a domain without questions as 0. The textbook's figures are in `ranking`, `averages` and
`layout_recall`. `page_recall` is both, unless an order or the gold pages name a page twice.

The official functions cut the order as it stands and then count; duplicates keep their places.
"""

import math
from collections.abc import Hashable, Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

from rag_reasoner.errors import InvalidInput
from rag_reasoner.metrics.averages import grouped, mean

DOMAINS = (
    "Research report / Introduction",
    "Administration/Industry file",
    "Tutorial/Workshop",
    "Academic paper",
    "Brochure",
    "Financial report",
    "Guidebook",
    "Government",
    "Laws",
    "News",
)
"""The benchmark's domains, in the order of its tables."""


class Region(NamedTuple):
    """A rectangle on a page, in whatever unit, as long as it is the same everywhere."""

    page: int
    left: float
    top: float
    right: float
    bottom: float

    @property
    def area(self) -> float:
        return (self.right - self.left) * (self.bottom - self.top)


def page_recall(ranked: Sequence[Hashable], gold: Sequence[Hashable], k: int | None = None) -> float:
    """The number of gold pages among the first k, divided by the length of `gold`. In 0..1; 0 where `gold` is empty."""
    return len(set(ranked[:k]) & set(gold)) / len(gold) if gold else 0.0


def official_precision(ranked: Sequence[Hashable], gold: Sequence[Hashable], k: int | None = None) -> float:
    """The number of gold pages among the first k, divided by how many were retrieved: k or fewer. In 0..1."""
    retrieved = ranked[:k]
    return len(set(retrieved) & set(gold)) / len(retrieved) if retrieved else 0.0


def official_ndcg(ranked: Sequence[Hashable], gold: Sequence[Hashable], k: int | None = None) -> float:
    """nDCG whose ideal has no more places than were retrieved: too high when fewer than k pages were ranked.

    In 0..1, and above 1 when the order repeats a gold page. The right figure is `ranking.ndcg`.
    """
    found = _found(ranked, gold, k)
    ideal = sum(_discounts(min(len(found), len(gold))))
    gains = (discount for discount, one in zip(_discounts(len(found)), found, strict=True) if one)
    return sum(gains) / ideal if ideal else 0.0


def official_average_precision(ranked: Sequence[Hashable], gold: Sequence[Hashable], k: int | None = None) -> float:
    """Average precision over the gold pages *found*: too high when some were not. In 0..1.

    The right figure is `ranking.average_precision`.
    """
    found = _found(ranked, gold, k)
    total = sum(sum(found[:place]) / place for place, one in enumerate(found, 1) if one)
    return total / sum(found) if any(found) else 0.0


def official_reciprocal_rank(ranked: Sequence[Hashable], gold: Sequence[Hashable], k: int | None = None) -> float:
    """1 / the place of the first gold page, 0 if there is none among the first k. In 0..1."""
    return next((1 / place for place, one in enumerate(_found(ranked, gold, k), 1) if one), 0.0)


def layout_recall(ranked: Sequence[Region], gold: Sequence[Region], k: int | None = None) -> float:
    """The share of the gold regions' area that the first k regions cover. In 0..1; 0 where there is no gold area.

    Both areas are those of unions: what lies under two rectangles counts once.
    """
    whole = _union_area(gold)
    shared = [common for region in ranked[:k] for one in gold if (common := _intersection(region, one))]
    return _union_area(shared) / whole if whole else 0.0


def official_layout_recall(ranked: Sequence[Region], gold: Sequence[Region], k: int | None = None) -> float:
    """The areas that each of the first k regions shares with each gold region, summed, over the sum of gold areas.

    Above 1 when regions overlap one another. The right figure is `layout_recall`.
    """
    whole = sum(one.area for one in gold)
    shared = sum(common.area for region in ranked[:k] for one in gold if (common := _intersection(region, one)))
    return shared / whole if whole else 0.0


def official_macro(values: Mapping[str, float], domains: Mapping[str, str]) -> float:
    """The mean over all ten domains, one without questions counting as 0: below the true macro mean of a sample.

    The right figure is `averages.grouped(values, domains).macro`.
    """
    means = grouped(values, domains).means
    if unknown := set(means) - set(DOMAINS):
        raise InvalidInput(f"{min(unknown)!r} is not a domain of MMDocIR; choose one of {', '.join(DOMAINS)}")
    return mean(means.get(domain, 0.0) for domain in DOMAINS)


def _found(ranked: Sequence[Hashable], gold: Sequence[Hashable], k: int | None) -> list[bool]:
    return [one in gold for one in ranked[:k]]


def _discounts(places: int) -> list[float]:
    return [1 / math.log2(place + 1) for place in range(1, places + 1)]


def _intersection(one: Region, other: Region) -> Region | None:
    if one.page != other.page:
        return None
    left, top = max(one.left, other.left), max(one.top, other.top)
    right, bottom = min(one.right, other.right), min(one.bottom, other.bottom)
    return Region(one.page, left, top, right, bottom) if left < right and top < bottom else None


def _union_area(regions: Sequence[Region]) -> float:
    pages = {region.page for region in regions}
    return math.fsum(_union_area_of_page([one for one in regions if one.page == page]) for page in pages)


def _union_area_of_page(regions: Sequence[Region]) -> float:
    """The area under any of `regions`: upright strips between their edges, each as high as what stands in it."""
    edges = sorted({edge for region in regions for edge in (region.left, region.right)})
    return math.fsum(
        (right - left) * _covered([one for one in regions if one.left <= left < one.right])
        for left, right in pairwise(edges)
    )


def _covered(regions: Sequence[Region]) -> float:
    """The height that `regions`, which stand in one strip, cover together."""
    height, reached = 0.0, -math.inf
    for region in sorted(regions, key=lambda one: one.top):
        height += max(0.0, region.bottom - max(region.top, reached))
        reached = max(reached, region.bottom)
    return height
