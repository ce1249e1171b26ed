"""From records to figures: one function a figure, from a record to a number, or None where it cannot be scored."""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from rag_reasoner import metrics
from rag_reasoner.evaluate.record import Record
from rag_reasoner.metrics import mmdocir, multimodalqa, squad, webqa
from rag_reasoner.stages.extract import EXTRACTIVE

Figure = Callable[[Record], float | None]

FORM = frozenset({"no_answer", "unreadable", "misformatted", "duplicate", "out_of_range", "missing", "truncated"})
"""The faults of a reply's form."""


def _ranking(name: str) -> Figure:
    metric = metrics.named(name)
    return lambda record: metric(record.order, record.relevant) if record.relevant else None


def _by_probability(name: str) -> Figure:
    """The order by P(relevant) alone, without the retriever's vote and the list-wise stage."""
    metric = metrics.named(name)

    def figure(record: Record) -> float | None:
        known = {one: p for one, p in record.probabilities.items() if p is not None}
        if not record.relevant or not known:
            return None
        return metric(sorted(known, key=lambda one: -known[one]), record.relevant)

    return figure


def _answer(score: Callable[[str, Sequence[str]], float]) -> Figure:
    """Of questions that have an answer and whose candidates hold it."""

    def figure(record: Record) -> float | None:
        if record.answer is None or not record.answers or not record.relevant:
            return None
        return score(record.answer, record.answers)

    return figure


def _cited(score: Callable[[Collection[str], Collection[str]], float]) -> Figure:
    def figure(record: Record) -> float | None:
        return score(record.cited, record.relevant) if record.answer is not None and record.relevant else None

    return figure


def source_f1(record: Record) -> float | None:
    """WebQA's F1 of the sources that the answer is taken to rest on."""
    if record.sources is None or not record.relevant:
        return None
    return webqa.source_f1(record.sources, record.relevant)


def verified_quotes(record: Record) -> float | None:
    """The share of the model's own quotes that were found in their documents."""
    return metrics.quotes(record.verified).verified_share


def well_formed(record: Record) -> float | None:
    """1 where no reply had a fault of form; None where no reply was asked for."""
    return float(not FORM & set(record.faults)) if record.listwise else None


def own_answer(record: Record) -> float | None:
    """1 where the answer is the model's, 0 where an extract stands in for it."""
    return None if record.answer is None else float(record.answered_by not in ("", EXTRACTIVE))


def right_abstention(record: Record) -> float | None:
    """1 where it abstained on a question whose candidates do not hold the answer; None for other questions."""
    return None if record.relevant or record.answer is None else float(record.abstained)


def false_abstention(record: Record) -> float | None:
    """1 where it abstained although the candidates hold the answer; None for other questions."""
    return float(record.abstained) if record.relevant and record.answer is not None else None


def relevant_kept(record: Record) -> float | None:
    """The share of the relevant candidates that the filter kept."""
    return _share(record, lambda one: one in record.relevant, record.order[: record.kept])


def irrelevant_dropped(record: Record) -> float | None:
    """The share of the irrelevant candidates that the filter dropped."""
    return _share(record, lambda one: one not in record.relevant, record.order[record.kept :])


def _share(record: Record, counts: Callable[[str], bool], part: Sequence[str]) -> float | None:
    whole = sum(map(counts, record.order))
    return sum(map(counts, part)) / whole if whole else None


def _official_squad(score: Callable[[str, Collection[str]], float]) -> Figure:
    """Of every question, those without an answer included: saying nothing is right there."""
    return lambda record: None if record.answer is None else score(record.answer, record.answers)


def webqa_accuracy(record: Record) -> float | None:
    """The leaderboard's QA-Acc; None where the file has no annotated keywords."""
    keywords = record.gold.get("keywords")
    if record.answer is None or not keywords or record.group not in webqa.CATEGORIES:
        return None
    return webqa.accuracy(record.answer, str(keywords), record.group)


def webqa_approximate_accuracy(record: Record) -> float | None:
    """QA-Acc against the best of the whole answers, for the splits without keywords."""
    if record.answer is None or not record.answers or record.group not in webqa.CATEGORIES:
        return None
    return max(webqa.approximate_accuracy(record.answer, answer, record.group) for answer in record.answers)


def webqa_fluency(likelihood: webqa.Likelihood) -> Figure:
    """QA-FL under that scorer, of questions whose answers are known."""

    def figure(record: Record) -> float | None:
        if record.answer is None or not record.answers:
            return None
        return webqa.fluency(record.answer, record.answers, likelihood)

    return figure


def _listed(metric: Callable[[Any, Any], float]) -> Figure:
    """MultimodalQA's lists of answers. Ours is a list of one."""

    def figure(record: Record) -> float | None:
        return None if record.answer is None or not record.answers else metric([record.answer], list(record.answers))

    return figure


def _page_recall(k: int) -> Figure:
    return lambda record: mmdocir.page_recall(record.order, list(record.relevant), k) if record.relevant else None


def _layout_recall(metric: Callable[[Any, Any, int | None], float], k: int) -> Figure:
    """Of the gold regions' area; a layout that touches none has no region in the record, and adds nothing."""

    def figure(record: Record) -> float | None:
        regions: Mapping[str, Sequence[float]] = record.gold["regions"]
        first = [_region(regions[one]) for one in record.order[:k] if one in regions]
        gold = [_region(one) for one in record.gold["layouts"]]
        return metric(first, gold, None) if gold else None

    return figure


def _region(stored: Sequence[float]) -> mmdocir.Region:
    page, left, top, right, bottom = stored
    return mmdocir.Region(int(page), left, top, right, bottom)


RANKING: Mapping[str, Figure] = {
    name: _ranking(name)
    for name in ("hit@1", "ndcg@10", "mrr", "map", "precision@1", "recall@1", "recall@3", "recall@5", "recall@10")
}
PROBABILITY: Mapping[str, Figure] = {
    f"{name} by P(relevant) alone": _by_probability(name) for name in ("hit@1", "ndcg@10", "mrr")
}
FILTER: Mapping[str, Figure] = {"relevant kept": relevant_kept, "irrelevant dropped": irrelevant_dropped}
REPLIES: Mapping[str, Figure] = {
    "citation precision": _cited(metrics.citation_precision),
    "citation recall": _cited(metrics.citation_recall),
    "verified quotes": verified_quotes,
    "well formed": well_formed,
    "own answer": own_answer,
    "right abstention": right_abstention,
    "false abstention": false_abstention,
}
ANSWERS: Mapping[str, Figure] = {"answer EM": _answer(squad.exact_match), "answer F1": _answer(squad.f1)}
SQUAD: Mapping[str, Figure] = {"SQuAD EM": _official_squad(squad.exact_match), "SQuAD F1": _official_squad(squad.f1)}
SOURCES: Mapping[str, Figure] = {"source F1": source_f1}
WEBQA: Mapping[str, Figure] = {"QA-Acc": webqa_accuracy, "approximate QA-Acc": webqa_approximate_accuracy}
MULTIMODALQA: Mapping[str, Figure] = {
    "list EM": _listed(multimodalqa.list_em),
    "list F1": _listed(multimodalqa.list_f1),
}
MMDOCIR_PAGES: Mapping[str, Figure] = {f"page recall@{k}": _page_recall(k) for k in (1, 3, 5)}
MMDOCIR_LAYOUTS: Mapping[str, Figure] = {
    **{f"layout recall@{k}": _layout_recall(mmdocir.layout_recall, k) for k in (1, 5, 10)},
    **{f"official layout recall@{k}": _layout_recall(mmdocir.official_layout_recall, k) for k in (1, 5, 10)},
}


def values(figure: Figure, records: Sequence[Record]) -> dict[str, float]:
    """The figure of every question that it can be scored on."""
    scored = {record.id: figure(record) for record in records}
    return {one: value for one, value in scored.items() if value is not None}
