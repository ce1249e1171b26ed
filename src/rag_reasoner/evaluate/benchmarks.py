"""The benchmarks that we can run: what reads their files, and which figures they are told by. A closed table."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from rag_reasoner.candidates import one_of
from rag_reasoner.evaluate import figures, slices
from rag_reasoner.evaluate.figures import Figure
from rag_reasoner.evaluate.loaders import beir, mmdocir, multimodalqa, own, squad, webqa
from rag_reasoner.evaluate.row import Load
from rag_reasoner.evaluate.slices import Slice


@dataclass(frozen=True, slots=True)
class Benchmark:
    """`split` is the one that is taken where none is asked for; `leading` the figures that are told by group.

    `group` says what the records' groups are, "" where there are none. `fluency`: it is told by QA-FL too.
    """

    title: str
    load: Load
    split: str
    figures: Mapping[str, Figure]
    leading: tuple[str, ...]
    group: str = ""
    slices: Mapping[str, Slice] = field(default_factory=dict)
    fluency: bool = False


_ALWAYS = {**figures.RANKING, **figures.PROBABILITY, **figures.FILTER, **figures.REPLIES, **figures.SOURCES}
_IR = ("hit@1", "ndcg@10", "mrr")

BENCHMARKS: Mapping[str, Benchmark] = {
    "jsonl": Benchmark(
        "Own JSON lines",
        own.load,
        "dev",
        {**_ALWAYS, **figures.ANSWERS},
        (*_IR, "answer F1"),
        "answer type",
        {"BM25's first is wrong": slices.missed_by_bm25, "same document only": slices.same_document},
    ),
    "squad": Benchmark(
        "SQuAD", squad.load, "dev", {**_ALWAYS, **figures.SQUAD}, (*_IR, "SQuAD EM", "SQuAD F1"), "answerable"
    ),
    "beir": Benchmark("BEIR", beir.load, "test", _ALWAYS, ("ndcg@10", "recall@10", "map")),
    "mmdocir": Benchmark(
        "MMDocIR, pages",
        mmdocir.load_pages,
        "test",
        {**figures.MMDOCIR_PAGES, **_ALWAYS, **figures.ANSWERS},
        tuple(figures.MMDOCIR_PAGES),
        "domain",
    ),
    "mmdocir-layouts": Benchmark(
        "MMDocIR, layouts",
        mmdocir.load_layouts,
        "test",
        {**figures.MMDOCIR_LAYOUTS, **_ALWAYS, **figures.ANSWERS},
        ("layout recall@1", "layout recall@5", "layout recall@10"),
        "domain",
    ),
    "webqa": Benchmark(
        "WebQA",
        webqa.load,
        "val",
        {**figures.WEBQA, **_ALWAYS},
        ("source F1", "QA-Acc", "approximate QA-Acc", "mrr"),
        "category",
        fluency=True,
    ),
    "multimodalqa": Benchmark(
        "MultimodalQA",
        multimodalqa.load,
        "dev",
        {**figures.MULTIMODALQA, **_ALWAYS},
        ("list EM", "list F1", "mrr"),
        "type of question",
    ),
}


def benchmark(name: str) -> Benchmark:
    """The benchmark of that name. Raises InvalidInput with the names there are."""
    one_of("benchmark", name, tuple(BENCHMARKS))
    return BENCHMARKS[name]
