"""What each stage costs on the example PDFs, beside the plain way: one list-wise call over all candidates.

    python benchmarks/pipeline.py [--model lexical] [--questions 3] [--candidates 20]

Both ways run on the same weights, in one process, on the same candidates. The plain way shows every candidate's text
(cut only so far that all fit the model's context) and lets the model write evidence, a ranking and an answer, held to
the format or not as the model is in the pipeline. Figures are seconds of wall clock, tokens and resident memory of this
process; read the ratios, not the seconds.
"""

import argparse
import json
import platform
import resource
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, median
from typing import Any

from rag_reasoner import LexicalRetriever, ReasoningReranker, Result, read
from rag_reasoner.backends.base import Completer
from rag_reasoner.backends.load import load_backend
from rag_reasoner.pages import load
from rag_reasoner.stages.fit import fit, require_room
from rag_reasoner.tasks import RankAndAnswerTask
from rag_reasoner.types import Candidate

HERE = Path(__file__).parent
PDFS = HERE.parent / "examples" / "pdfs"


@dataclass(frozen=True)
class Cost:
    """What one call took."""

    seconds: float
    tokens: int
    written: int


def main() -> None:
    options = _options()
    reading, seconds = _timed(lambda: read(PDFS))
    print(f"python {platform.python_version()} on {platform.machine()}; peak memory after reading {_peak():.0f} MB")
    print(f"read      {len(reading.documents)} pages of {reading.files} files in {seconds:.2f} s")
    retriever, seconds = _timed(lambda: LexicalRetriever(reading.documents))
    print(f"index     {seconds:.2f} s")
    backend, seconds = _timed(lambda: load_backend(options.model, None, load))
    reranker = ReasoningReranker(backend)
    print(f"load      {reranker.model_name} in {seconds:.2f} s; peak memory {_peak():.0f} MB")
    costs = [_both(question, retriever, reranker, backend, options) for question in _questions(options.questions)]
    _summary([ours for ours, _ in costs], [plain for _, plain in costs if plain])


def _both(
    question: dict[str, Any],
    retriever: LexicalRetriever,
    reranker: ReasoningReranker,
    backend: Any,
    options: argparse.Namespace,
) -> tuple[Cost, Cost | None]:
    """The pipeline's cost for one question, and the plain way's."""
    query = question["question"]
    candidates, seconds = _timed(lambda: retriever.retrieve(query, options.candidates))
    result = reranker.answer(query, candidates)
    _print_ours(question["id"], seconds, result)
    ours = Cost(sum(result.timings.values()), result.usage.tokens, result.usage.completion_tokens)
    if options.ours_only:
        return ours, None
    plain = _plain(backend, query, candidates)
    print(f"  plain   {plain.seconds:6.2f} s  {plain.tokens:6} tokens ({plain.written} written)")
    return ours, plain


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default=None)
    parser.add_argument("--questions", type=int, default=3)
    parser.add_argument("--candidates", type=int, default=20)
    parser.add_argument("--ours-only", action="store_true")
    return parser.parse_args()


def _questions(number: int) -> list[dict[str, Any]]:
    lines = (HERE / "questions.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines][:number]


def _plain(model: Completer, query: str, candidates: list[Candidate]) -> Cost:
    """One call: rank all candidates with evidence, and answer."""
    empty = RankAndAnswerTask(query, ())
    reply = RankAndAnswerTask(query, tuple(fit(query, c, 0, model.count) for c in candidates)).reply_tokens
    room = require_room(empty, model.card.context, model.count, query) + empty.reply_tokens - reply
    share = (room - 24 * len(candidates)) // len(candidates)
    task = RankAndAnswerTask(query, tuple(fit(query, c, share, model.count) for c in candidates))
    (answered,), seconds = _timed(lambda: model.complete([task]))
    if answered.fault:
        raise SystemExit(f"the plain way failed: {answered.fault}")
    return Cost(seconds, answered.usage.tokens, answered.usage.completion_tokens)


def _print_ours(name: str, retrieve: float, result: Result) -> None:
    print(f"\n{name}: {result.query}")
    stages = "  ".join(f"{stage} {seconds:.2f} s" for stage, seconds in result.timings.items())
    tokens = f"{result.usage.tokens} tokens ({result.usage.completion_tokens} written)"
    print(f"  retrieve {retrieve:.3f} s  {stages}  {tokens}")
    kept = f"{len(result.dropped)} dropped, {len(result.ranked)} ranked, {result.usage.cut_documents} cut"
    print(f"  {kept}; peak memory {_peak():.0f} MB")


def _summary(ours: list[Cost], plain: list[Cost]) -> None:
    print()
    for name, costs in (("ours", ours), ("plain", plain)):
        if costs:
            seconds, tokens = median(cost.seconds for cost in costs), fmean(cost.tokens for cost in costs)
            print(f"{name:<6} n={len(costs)}  median {seconds:.2f} s, {tokens:.0f} tokens")
    if plain:
        print(f"ours / plain: {_ratio(ours, plain, 'seconds'):.2f} of the seconds", end=", ")
        print(f"{_ratio(ours, plain, 'tokens'):.2f} of the tokens")


def _ratio(ours: list[Cost], plain: list[Cost], what: str) -> float:
    return sum(getattr(cost, what) for cost in ours) / sum(getattr(cost, what) for cost in plain)


def _timed(work: Callable[[], Any]) -> tuple[Any, float]:
    started = time.perf_counter()
    return work(), time.perf_counter() - started


def _peak() -> float:
    """The most memory that this process has had, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
