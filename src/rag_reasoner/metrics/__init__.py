"""Metrics, as pure functions: ranking, citations, calibration, comparison, and the papers' benchmarks.

`mmdocir`, `multimodalqa`, `squad` and `webqa` equal the benchmarks' official scripts. Where a script departs from the
textbook, its figure has an `official_` name and the textbook's the plain one.
"""

from rag_reasoner.metrics import mmdocir, multimodalqa, squad, webqa
from rag_reasoner.metrics.averages import Grouped, grouped, mean
from rag_reasoner.metrics.bootstrap import Comparison, paired_bootstrap
from rag_reasoner.metrics.calibration import Bin, expected_calibration_error, reliability
from rag_reasoner.metrics.citations import (
    Abstentions,
    Faults,
    Quotes,
    abstentions,
    citation_precision,
    citation_recall,
    faults,
    predicted_sources,
    quotes,
)
from rag_reasoner.metrics.correlation import kendall_tau
from rag_reasoner.metrics.ranking import average_precision, by_score, hit, ndcg, precision, recall, reciprocal_rank
from rag_reasoner.metrics.runs import evaluate, named, per_query

__all__ = [
    "Abstentions",
    "Bin",
    "Comparison",
    "Faults",
    "Grouped",
    "Quotes",
    "abstentions",
    "average_precision",
    "by_score",
    "citation_precision",
    "citation_recall",
    "evaluate",
    "expected_calibration_error",
    "faults",
    "grouped",
    "hit",
    "kendall_tau",
    "mean",
    "mmdocir",
    "multimodalqa",
    "named",
    "ndcg",
    "paired_bootstrap",
    "per_query",
    "precision",
    "predicted_sources",
    "quotes",
    "recall",
    "reciprocal_rank",
    "reliability",
    "squad",
    "webqa",
]
