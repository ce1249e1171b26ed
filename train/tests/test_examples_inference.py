"""What is trained is what is asked: an example's task is the very task that the library puts to a model."""

from hypothesis import given
from rag_reasoner_train.chains.rules import chain_by_rule
from rag_reasoner_train.examples import listwise_examples, pointwise_examples
from rag_reasoner_train.rows.reading import read_rows
from small_rows import hostile_rows

from rag_reasoner import ReasoningReranker
from rag_reasoner.backends.base import Card, Judged, Reply


class Recorder:
    """A model that judges what comes first best, and keeps what it was asked."""

    card = Card("recorder", context=1_000_000, calibrated=True)

    def __init__(self):
        self.judged, self.completed = [], []

    def count(self, messages):
        return 1

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


def asked(row, *, answer):
    """What a model is asked about a row, point by point and as a list."""
    recorder = Recorder()
    reranker = ReasoningReranker(recorder, keep="all")
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
