"""A run (query id -> ordered ids) against qrels (query id -> relevant ids, or ids with grades).

The qrels say which queries there are. A query that the run is silent about counts as 0, never as absent; what the run
says about other queries is ignored. So do ir_measures and trec_eval with `-c`.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import partial

from rag_reasoner.errors import InvalidInput
from rag_reasoner.metrics import ranking
from rag_reasoner.metrics.averages import mean

Run = Mapping[str, Sequence[str]]
Qrels = Mapping[str, Collection[str]]
Metric = Callable[[Sequence[str], Collection[str]], float]

NAMES: Mapping[str, Callable[..., float]] = {
    "recall": ranking.recall,
    "precision": ranking.precision,
    "hit": ranking.hit,
    "mrr": ranking.reciprocal_rank,
    "map": ranking.average_precision,
    "ndcg": ranking.ndcg,
}


def named(name: str) -> Metric:
    """The metric of that name: one of `NAMES`, with or without a cut-off: "ndcg@10", "mrr"."""
    kind, _, cut = name.partition("@")
    if kind not in NAMES or ("@" in name and not (cut.isascii() and cut.isdigit() and int(cut))):
        raise InvalidInput(f"unknown metric {name!r}; choose one of {', '.join(NAMES)}, with @k for a cut-off")
    return partial(NAMES[kind], k=int(cut) if cut else None)


def per_query(metric: Metric, run: Run, qrels: Qrels) -> dict[str, float]:
    """The metric's value for every query of `qrels`, in their order."""
    return {query: metric(run.get(query, ()), relevant) for query, relevant in qrels.items()}


def evaluate(run: Run, qrels: Qrels, names: Iterable[str]) -> dict[str, float]:
    """The mean over the queries of each metric named."""
    return {name: mean(per_query(named(name), run, qrels).values()) for name in names}
