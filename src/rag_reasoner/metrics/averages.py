"""Means over queries, and over groups of queries: domains, categories, types of question."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from rag_reasoner.errors import InvalidInput


@dataclass(frozen=True, slots=True)
class Grouped:
    """Means of a figure by group. `micro` is the mean over queries, `macro` the mean over the groups that have any."""

    means: Mapping[str, float]
    counts: Mapping[str, int]
    micro: float
    macro: float


def mean(values: Iterable[float]) -> float:
    """The arithmetic mean, summed without loss. The mean of nothing is an error, not a number."""
    summands = list(values)
    if not summands:
        raise InvalidInput("there is no query to average over")
    return math.fsum(summands) / len(summands)


def grouped(values: Mapping[str, float], groups: Mapping[str, str]) -> Grouped:
    """`values` by query, averaged within the group that `groups` gives for the query."""
    members: dict[str, list[float]] = {}
    for query, value in values.items():
        if query not in groups:
            raise InvalidInput(f"query {query!r} belongs to no group")
        members.setdefault(groups[query], []).append(value)
    means = {group: mean(members[group]) for group in sorted(members)}
    return Grouped(means, {group: len(members[group]) for group in means}, mean(values.values()), mean(means.values()))
