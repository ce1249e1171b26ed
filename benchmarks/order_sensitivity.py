"""How much the ranking depends on the order in which candidates come (R8), and how much several shuffles change that.

    python benchmarks/order_sensitivity.py [--queries 20] [--candidates 12] [--shuffles 4] [--model NAME ...]

Each query's candidates are ranked in five seeded orders; the figure is Kendall's tau between the five results, the mean
over all pairs: 1 means that the order shown makes no difference. "leaning" is no model but a made-up one: it reads
well, but prefers what it is shown first. "default" is the bundled model, which takes a while.
"""

import argparse
import json
from collections.abc import Iterator, Sequence
from itertools import combinations
from pathlib import Path
from random import Random
from statistics import fmean

from rag_reasoner import Candidate, LexicalRetriever, ReasoningReranker, read
from rag_reasoner.backends.base import OnText, Reply
from rag_reasoner.backends.lexical import Lexical
from rag_reasoner.metrics import kendall_tau
from rag_reasoner.tasks import ListwiseReply, ListwiseTask, Task
from rag_reasoner.words import overlap, sentences, terms

HERE = Path(__file__).parent
PDFS = HERE.parent / "examples" / "pdfs"
ORDERS = 5


class Leaning(Lexical):
    """Ranks by shared words, less a half for the last place shown."""

    def complete(self, tasks: Sequence[Task], on_text: OnText | None = None) -> list[Reply]:
        return [Reply(self._ranking(task)) for task in tasks if isinstance(task, ListwiseTask)]

    @staticmethod
    def _ranking(task: ListwiseTask) -> str:
        count = len(task.documents)
        felt = [overlap(task.query, one.text) - 0.5 * place / count for place, one in enumerate(task.documents)]
        order = tuple(sorted(range(count), key=lambda place: (-felt[place], place)))
        return task.render(ListwiseReply(order, count))


def main() -> None:
    options = _options()
    retriever = LexicalRetriever(read(PDFS).documents)
    queries = [*_questions(), *_sentences(retriever, Random(0))][: options.queries]
    found = [(query, retriever.retrieve(query, options.candidates)) for query in queries]
    print(f"{len(queries)} queries, {ORDERS} orders of {options.candidates} candidates each")
    for name in options.model:
        _report(name, found, options.shuffles)


def _report(name: str, found: Sequence[tuple[str, list[Candidate]]], shuffles: int) -> None:
    model = {"leaning": Leaning(), "default": None}.get(name, name)
    once, often = (ReasoningReranker(model, stages=("rank",), shuffles=number) for number in (1, shuffles))
    taus = [(_tau(once, *one), _tau(often, *one)) for one in found]
    raised = [after > before for before, after in taus if before < 1]
    before, after = (fmean(column) for column in zip(*taus, strict=True))
    print(f"{name}: mean tau {before:.3f}, with {shuffles} shuffles {after:.3f}")
    if raised:
        print(f"  raised for {sum(raised)} of the {len(raised)} queries where the order shown made a difference")


def _tau(reranker: ReasoningReranker, query: str, candidates: Sequence[Candidate]) -> float:
    """The mean agreement of the rankings of `ORDERS` shuffles of the candidates."""
    random = Random(query)
    rankings = [_ranking(reranker, query, random.sample(candidates, len(candidates))) for _ in range(ORDERS)]
    return fmean(kendall_tau(one, other) for one, other in combinations(rankings, 2))


def _ranking(reranker: ReasoningReranker, query: str, candidates: Sequence[Candidate]) -> list[str]:
    return [judgement.candidate.document.id for judgement in reranker.rerank(query, candidates).ranked]


def _questions() -> list[str]:
    lines = (HERE / "questions.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line)["question"] for line in lines]


def _sentences(retriever: LexicalRetriever, random: Random) -> Iterator[str]:
    """Sentences of the pages as further queries."""
    for document in random.sample(retriever.documents, len(retriever.documents)):
        said = [document.text[start:end] for start, end in sentences(document.text)]
        yield from [one for one in said if 6 <= len(terms(one)) <= 25][:1]


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--queries", type=int, default=20)
    parser.add_argument("--candidates", type=int, default=12)
    parser.add_argument("--shuffles", type=int, default=4)
    parser.add_argument("--model", nargs="+", default=["lexical", "leaning"])
    return parser.parse_args()


if __name__ == "__main__":
    main()
