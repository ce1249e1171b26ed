"""How near documents are to a query by their words: what a calibration may add to what a judge says."""

from collections.abc import Sequence

from rag_reasoner.types import Candidate
from rag_reasoner.words import bm25

LEXICAL = "lexical"
"""The name of the score that our retriever by words gives. It knows how rare a word is among all documents."""


def nearness(query: str, candidates: Sequence[Candidate]) -> list[float]:
    """0..1: each candidate's score by words as a share of the best; where not all have one, BM25 among them."""
    given = [candidate.scores.get(LEXICAL) for candidate in candidates]
    scores = [score for score in given if score is not None]
    if len(scores) < len(candidates):
        scores = bm25(query, [f"{one.document.title}\n{one.document.text}" for one in candidates])
    best = max(scores, default=0.0)
    return [max(score, 0.0) / best if best > 0 else 0.0 for score in scores]
