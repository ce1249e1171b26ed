"""What is trained is what is asked: an example's task is the very task that the library puts to a model."""

import inspect

from hypothesis import given
from rag_reasoner_train.chains.rules import chain_by_rule
from rag_reasoner_train.config.settings import JUDGE_TOKENS
from rag_reasoner_train.examples import listwise_examples, pointwise_examples
from rag_reasoner_train.rows.reading import read_rows
from rag_reasoner_train.rows.view import Tokens, View
from small_rows import count_words, hostile_rows

from rag_reasoner import ReasoningReranker
from rag_reasoner.backends.base import Card, Judged, Reply


class Recorder:
    """A model that judges what comes first best, and keeps what it was asked."""

    card = Card("recorder", context=1_000_000, calibrated=True)
    count = staticmethod(count_words)

    def __init__(self):
        self.judged, self.completed = [], []

    def judge(self, tasks):
        self.judged += tasks
        return [Judged(0.99 - 0.01 * place) for place in range(len(tasks))]

    async def ajudge(self, tasks):
        return self.judge(tasks)

    def complete(self, tasks, on_text=None):
        self.completed += tasks
        return [Reply("") for _ in tasks]

    async def acomplete(self, tasks, on_text=None):
        return self.complete(tasks)


def asked(row, *, answer, tokens=100_000):
    """What a model is asked about a row, point by point and as a list, with so many tokens of each document."""
    recorder = Recorder()
    reranker = ReasoningReranker(recorder, keep="all", judge_tokens=tokens, document_tokens=tokens)
    (reranker.answer if answer else reranker.rerank)(row.question, row.candidates)
    return recorder.judged, recorder.completed


def assert_trained_as_asked(row):
    chain = chain_by_rule(row)
    for name, answer in (("rank", False), ("rank_and_answer", True)):
        judged, completed = asked(row, answer=answer)
        assert [one.task for one in pointwise_examples([row])] == judged
        made = list(listwise_examples([row], {row.id: chain}, tasks=[name], order="given"))
        assert [one.task for one in made] == (completed if made else [])
        assert [one.task.messages() for one in made] == [one.messages() for one in completed[: len(made)]]


def test_the_tasks_of_the_sample_are_those_of_inference(sample):
    for row in read_rows(sample):
        assert_trained_as_asked(row)


@given(hostile_rows())
def test_the_tasks_of_hostile_rows_are_those_of_inference(row):
    if len(row.candidates) > 1:  # one candidate alone is not judged, and not ranked
        assert_trained_as_asked(row)


def test_documents_are_cut_to_tokens_exactly_as_inference_cuts_them(sample):
    view = View(tokens=Tokens(40, count_words))
    cut = 0
    for row in read_rows(sample):
        judged, completed = asked(row, answer=False, tokens=40)
        assert [one.task for one in pointwise_examples([row], view=view)] == judged
        (listed,) = listwise_examples([row], tasks=["rank"], order="given", view=view)
        kept = [shown for shown in listed.task.documents if shown in completed[0].documents]
        assert len(kept) >= len(row.candidates) - len(row.relevant)  # a quote of what is relevant stays
        cut += sum(task.document.cut for task in judged)
    assert cut > 100


def test_an_export_is_calibrated_on_what_the_filter_reads():
    assert inspect.signature(ReasoningReranker).parameters["judge_tokens"].default == JUDGE_TOKENS
