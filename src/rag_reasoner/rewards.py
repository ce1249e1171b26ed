"""What a reply is worth, in 0..1: pure functions of a task, its reply and the truth. A repair earns nothing.

None means "does not apply here" and never 0: a row without relevant documents says nothing about a ranking. Sources:
MM-R5 (arXiv 2506.12364) for the ranking and template rewards, MMRAG-RFT (arXiv 2512.17194) for the point-wise reward
and the joint reward of ranking and answer.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from rag_reasoner.errors import InvalidInput
from rag_reasoner.metrics import ndcg, squad, webqa
from rag_reasoner.tasks import Evidence, ListwiseReply, ListwiseTask, MMR5Task, Verdict
from rag_reasoner.tasks.statement import remark

FORM_FAULTS = frozenset(
    ("no_answer", "unreadable", "misformatted", "duplicate", "out_of_range", "missing", "truncated")
)
"""Faults of a reply's form: with one of them, something had to be repaired or is not there."""

Listwise = ListwiseTask | MMR5Task


@dataclass(frozen=True, slots=True)
class Truth:
    """What is known of a row: the grades of the relevant documents by their place 0..n-1 as shown, and the answers.

    No relevant document means that the documents do not say. `category` is WebQA's, where `keywords` are given.
    """

    relevant: Mapping[int, float] = field(default_factory=dict)
    answers: tuple[str, ...] = ()
    keywords: str | None = None
    category: str = "Others"

    @property
    def answerable(self) -> bool:
        return bool(self.relevant)


Reward = Callable[[Listwise, ListwiseReply, Truth], float | None]


def pointwise(verdict: Verdict, relevant: bool) -> float:
    """1 for the right word, 0 for the wrong one and for all that is not exactly yes or no. (MMRAG-RFT, stage 1.)"""
    return float(not verdict.faults and verdict.relevant is relevant)


def form(task: Listwise, reply: ListwiseReply, truth: Truth) -> float:
    """1 where the reply is complete and nothing had to be repaired, else 0. (MM-R5's template reward, which also pays
    for a list that names a document twice: here `[1, 1, 1]` earns nothing.)"""
    return float(not FORM_FAULTS & {fault.kind for fault in reply.faults})


def rank_cubed(task: Listwise, reply: ListwiseReply, truth: Truth) -> float | None:
    """MM-R5's ranking reward: the sum of 1 / rank^3 of the relevant documents, over the sum of the best order.

    With m relevant documents at ranks r_1..r_m (from 1): sum(1 / r_i^3) / sum(1 / i^3, i = 1..m). 0 where the model did
    not state the whole order itself; None without a relevant document.
    """
    if not _ranked(task, truth):
        return None
    if not _states_the_order(task, reply):
        return 0.0
    gained = sum(1 / rank**3 for rank, place in enumerate(reply.order, 1) if place in truth.relevant)
    return gained / sum(1 / rank**3 for rank in range(1, len(truth.relevant) + 1))


def rank_ndcg(task: Listwise, reply: ListwiseReply, truth: Truth) -> float | None:
    """nDCG of the whole order, with grades: documents of one grade may stand in any order among themselves."""
    if not _ranked(task, truth):
        return None
    return ndcg(reply.order, truth.relevant) if _states_the_order(task, reply) else 0.0


def evidence(task: Listwise, reply: ListwiseReply, truth: Truth) -> float | None:
    """The share of documents whose line has the right verdict and, where it says yes, a quote that stands in it.

    A document without a line counts against it. None for formats without lines of evidence.
    """
    if not task.gives_evidence or not task.documents:
        return None
    lines = {line.number - 1: line for line in reply.evidence}
    return sum(_right(task, lines.get(place), place, truth) for place in range(len(task.documents))) / len(
        task.documents
    )


def _right(task: Listwise, line: Evidence | None, place: int, truth: Truth) -> bool:
    if line is None or line.relevant is not (place in truth.relevant):
        return False
    if line.quote or line.relevant:
        return task.documents[place].locate(line.quote) is not None
    return True


def answer_exact(task: Listwise, reply: ListwiseReply, truth: Truth) -> float | None:
    """1 where the answer without its marks equals one of the right ones, as SQuAD compares them."""
    return _answered(task, reply, truth, squad.exact_match)


def answer_f1(task: Listwise, reply: ListwiseReply, truth: Truth) -> float | None:
    """The F1 of words against the right answer that fits best, as SQuAD computes it."""
    return _answered(task, reply, truth, squad.f1)


def answer_keywords(task: Listwise, reply: ListwiseReply, truth: Truth) -> float | None:
    """WebQA's accuracy of keywords; None where the row has no keywords."""
    keywords = truth.keywords
    if keywords is None:
        return None
    return _answered(task, reply, truth, lambda said, _: webqa.accuracy(said, keywords, truth.category))


def abstention(task: Listwise, reply: ListwiseReply, truth: Truth) -> float | None:
    """1 where it says that the documents do not say exactly when they do not; None where no answer was asked for."""
    if not task.gives_answer:
        return None
    return float(reply.answer is not None and reply.answer.abstained is not truth.answerable)


def citation(task: Listwise, reply: ListwiseReply, truth: Truth) -> float | None:
    """F1 of the documents that the answer cites against the relevant ones; None where there is nothing to cite."""
    if not task.gives_answer or not truth.answerable:
        return None
    cited = set(reply.answer.cited) if reply.answer else set()
    return webqa.source_f1(cited, set(truth.relevant))


def length(tokens: int, *, free: int, most: int) -> float:
    """1 up to `free` tokens, then falling in a straight line to 0 at `most`. Raises InvalidInput unless free < most."""
    if not 0 <= free < most:
        raise InvalidInput(f"length needs 0 <= free < most, not free={free}, most={most}")
    return min(1.0, max(0.0, (most - tokens) / (most - free)))


def _ranked(task: Listwise, truth: Truth) -> bool:
    """Whether there is an order to pay for."""
    if outside := [place for place in truth.relevant if not 0 <= place < len(task.documents)]:
        raise InvalidInput(f"relevant place {outside[0]} is not one of the {len(task.documents)} documents of the task")
    return task.gives_order and truth.answerable


def _states_the_order(task: Listwise, reply: ListwiseReply) -> bool:
    """Whether the model itself gave every place, without repairs."""
    return reply.stated == len(task.documents) and not FORM_FAULTS & {fault.kind for fault in reply.faults}


def _answered(
    task: Listwise, reply: ListwiseReply, truth: Truth, score: Callable[[str, tuple[str, ...]], float]
) -> float | None:
    if not task.gives_answer or not truth.answerable or not truth.answers:
        return None
    if reply.answer is None or reply.answer.abstained:
        return 0.0
    return score(remark(reply.answer.text, {}), truth.answers)


LISTWISE: Mapping[str, Reward] = {
    "form": form,
    "rank_cubed": rank_cubed,
    "rank_ndcg": rank_ndcg,
    "evidence": evidence,
    "answer_exact": answer_exact,
    "answer_f1": answer_f1,
    "answer_keywords": answer_keywords,
    "abstention": abstention,
    "citation": citation,
}
"""The rewards of list-wise replies, by the names that a configuration uses."""


def components(task: Listwise, text: str, truth: Truth) -> dict[str, float | None]:
    """Every list-wise reward of a reply on its own."""
    reply = task.parse(text)
    return {name: reward(task, reply, truth) for name, reward in LISTWISE.items()}


def weighted(parts: Mapping[str, float | None], weights: Mapping[str, float]) -> float | None:
    """The weighted mean of the components that apply; None where none does.

    Raises InvalidInput for a weight below 0, or for a component that there is not.
    """
    if unknown := weights.keys() - parts.keys():
        raise InvalidInput(f"there is no reward {min(unknown)!r}; choose among {', '.join(parts)}")
    if negative := [name for name, weight in weights.items() if weight < 0]:
        raise InvalidInput(f"the weight of {negative[0]!r} is {weights[negative[0]]}: it must not be negative")
    applying = [(parts[name], weight) for name, weight in weights.items() if parts[name] is not None and weight]
    total = sum(weight for _, weight in applying)
    return sum(part * weight for part, weight in applying if part is not None) / total if total else None
