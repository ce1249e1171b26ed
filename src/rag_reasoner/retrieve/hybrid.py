"""Several first stages as one: their lists are fused by reciprocal ranks, each candidate keeping every score."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import isfinite

from rag_reasoner.candidates import checked_query, from_one_up
from rag_reasoner.errors import InvalidInput
from rag_reasoner.retrieve.base import Retriever
from rag_reasoner.telemetry import retrieval
from rag_reasoner.types import Candidate

NAME = "hybrid"
"""The name under which a candidate carries its fused score."""

CONSTANT = 60
"""The rank constant of Cormack, Clarke and Büttcher 2009."""

DEPTH = 100
"""Candidates taken from each first stage, unless more are asked for."""

Key = tuple[str | None, int | str]


class HybridRetriever:
    """Reciprocal rank fusion: score(d) = sum over the stages of weight / (constant + rank of d), ranks from 1.

    `stages` are first stages, lexical and visual for instance; one that does not find a page adds nothing to it. Pages
    are told apart by source and page. `weights` are one for each stage, all 1 if not given; a stage of weight 0 only
    adds its scores. `depth` candidates are taken from each stage.
    """

    def __init__(
        self,
        *stages: Retriever,
        weights: Sequence[float] | None = None,
        constant: int = CONSTANT,
        depth: int = DEPTH,
    ) -> None:
        self._stages = stages
        self._weights = _checked(weights, len(stages))
        self._constant, self._depth = from_one_up("constant", constant), from_one_up("depth", depth)

    @retrieval
    def retrieve(self, query: str, k: int = 20) -> list[Candidate]:
        """The `k` best pages; equals in the order of the stages. Each keeps the scores of all stages that found it."""
        asked, wanted = checked_query(query), from_one_up("k", k)
        found: dict[Key, Candidate] = {}
        fused: dict[Key, float] = {}
        for stage, weight in zip(self._stages, self._weights, strict=True):
            for rank, (key, one) in enumerate(_first(stage.retrieve(asked, max(wanted, self._depth))).items(), 1):
                found[key] = _together(found[key], one) if key in found else one
                fused[key] = fused.get(key, 0.0) + weight / (self._constant + rank)
        best = sorted((key for key in found if fused[key] > 0), key=lambda key: -fused[key])[:wanted]
        return [replace(found[key].scored(NAME, fused[key]), position=place) for place, key in enumerate(best)]


def _checked(weights: Sequence[float] | None, stages: int) -> tuple[float, ...]:
    if not stages:
        raise InvalidInput("there is nothing to fuse: give at least one first stage")
    if weights is None:
        return (1.0,) * stages
    if len(weights) != stages:
        raise InvalidInput(f"{len(weights)} weights for {stages} first stages: give one for each")
    if not all(isfinite(weight) and weight >= 0 for weight in weights) or not any(weights):
        raise InvalidInput(f"weights={tuple(weights)!r}: give numbers from 0 up, not all of them 0")
    return tuple(weights)


def _first(candidates: Sequence[Candidate]) -> Mapping[Key, Candidate]:
    """The candidates by what tells pages apart, each where it came first."""
    found: dict[Key, Candidate] = {}
    for one in candidates:
        found.setdefault(_key(one), one)
    return found


def _key(candidate: Candidate) -> Key:
    """Source and page; the id where there is no page, or no source."""
    document = candidate.document
    if document.source is None or document.page is None:
        return document.source, document.id
    return document.source, document.page


def _together(one: Candidate, other: Candidate) -> Candidate:
    """One page as two stages found it: all scores, and of the document what either has."""
    mine, theirs = one.document, other.document
    document = replace(
        mine,
        text=mine.text or theirs.text,
        words=mine.words or (theirs.words if mine.text in ("", theirs.text) else ()),
        image=mine.image or theirs.image,
    )
    return replace(one, document=document, scores={**one.scores, **other.scores}, regions=one.regions or other.regions)
