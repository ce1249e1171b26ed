"""How near documents are to a query by their words: what a calibration may add to what a judge says."""

from collections.abc import Sequence

from rag_reasoner.types import Candidate
from rag_reasoner.words import bm25, phrases

LEXICAL = "lexical"
"""The name of the score that our retriever by words gives. It knows how rare a word is among all documents."""


def nearness(query: str, candidates: Sequence[Candidate]) -> list[float]:
    """0..1: each candidate's words and phrases of the query, which count alike, as a share of the best."""
    texts = [f"{one.document.title}\n{one.document.text}" for one in candidates]
    by_words = _shares(_scores(query, candidates, texts))
    return _shares([share + phrases(query, text) for share, text in zip(by_words, texts, strict=True)])


def _scores(query: str, candidates: Sequence[Candidate], texts: Sequence[str]) -> list[float]:
    """Each candidate's score by words; where not all have one, BM25 among them."""
    given = [candidate.scores.get(LEXICAL) for candidate in candidates]
    scores = [score for score in given if score is not None]
    return scores if len(scores) == len(candidates) else bm25(query, texts)


def _shares(scores: Sequence[float]) -> list[float]:
    best = max(scores, default=0.0)
    return [max(score, 0.0) / best if best > 0 else 0.0 for score in scores]
