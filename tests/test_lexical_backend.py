"""The model-free backend: replies in the real format, from shared words alone."""

import asyncio

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from rag_reasoner import Document, Image
from rag_reasoner.backends.lexical import Lexical
from rag_reasoner.quotes import LINE_END_HYPHENS
from rag_reasoner.tasks import AnswerTask, MMR5Task, OrderTask, RankAndAnswerTask, RankTask, RelevanceTask, show
from rag_reasoner.types import Candidate

QUESTION = "When did the museum open?"
KINDS = (RankTask, RankAndAnswerTask, AnswerTask, OrderTask, MMR5Task)
MUSEUM = ["It rained.", "The museum opened in 1962. It has 40 rooms.", "A museum of rocks."]
PLAIN = st.characters(exclude_categories=["Cs"], exclude_characters=LINE_END_HYPHENS)
"""What of a PDF's text means itself: its marks for hyphens at line ends mean nothing elsewhere."""


def task(kind, *texts):
    return kind(QUESTION, tuple(show(Candidate(Document(str(n), text), n)) for n, text in enumerate(texts)))


@pytest.mark.parametrize("kind", KINDS)
def test_its_replies_are_read_without_a_fault_of_form(kind):
    (reply,) = Lexical().complete([task(kind, *MUSEUM)])
    said = task(kind, *MUSEUM).parse(reply.text)
    assert said.faults == ()
    assert reply.fault is None
    if kind.gives_order:
        assert said.order[0] == 1
        assert said.stated == 3
    if kind.gives_answer:
        assert said.answer.text == "The museum opened in 1962. [2]"


@given(st.lists(st.text(PLAIN, max_size=80), min_size=1, max_size=5), st.text(max_size=30), st.sampled_from(KINDS))
@example(["-\x1b0"], "0", RankTask)
@example(["a\x1bb [1]\x02\nc"], "b", RankTask)
def test_whatever_the_documents_hold_its_order_is_whole_and_its_quotes_stand_in_them(texts, query, kind):
    asked = kind(query, task(kind, *texts).documents)
    (reply,) = Lexical().complete([asked])
    said = asked.parse(reply.text)
    assert sorted(said.order) == list(range(len(texts)))
    assert not {"unreadable", "duplicate", "no_answer"} & {fault.kind for fault in said.faults}
    for line in said.evidence:
        assert not line.quote or asked.documents[line.number - 1].locate(line.quote)


def test_many_at_once_are_answered_as_each_alone_now_or_later():
    backend = Lexical()
    tasks = [task(kind, *MUSEUM) for kind in KINDS]
    pairs = [RelevanceTask(QUESTION, one) for one in tasks[0].documents]
    assert (
        backend.complete(tasks)
        == [backend.complete([one])[0] for one in tasks]
        == asyncio.run(backend.acomplete(tasks))
    )
    assert backend.judge(pairs) == [backend.judge([one])[0] for one in pairs] == asyncio.run(backend.ajudge(pairs))
    assert backend.judge([]) == backend.complete([]) == []


def test_it_tells_its_text_as_a_model_does():
    told = []
    replies = Lexical().complete([task(RankTask, *MUSEUM), task(OrderTask, *MUSEUM)], lambda *one: told.append(one))
    assert told == [(0, replies[0].text), (1, replies[1].text)]


def test_it_judges_by_the_share_of_the_words_asked_for():
    pairs = [RelevanceTask(QUESTION, one) for one in task(RankTask, *MUSEUM, "The museum did open.").documents]
    chances = [one.probability for one in Lexical().judge(pairs)]
    assert chances[0] == 0.0
    assert chances[3] == 1.0
    assert all(0 <= chance <= 1 for chance in chances)


def test_what_it_cannot_answer_costs_that_item_only():
    failed, done = Lexical().complete([RelevanceTask(QUESTION, task(RankTask, "x").documents[0]), task(OrderTask, "x")])
    assert (failed.text, failed.fault.kind) == (None, "backend_error")
    assert done.text == "<rank>1</rank>"


def test_it_abstains_where_no_word_is_shared():
    (reply,) = Lexical().complete([task(RankAndAnswerTask, "It rained.", "Rocks.")])
    assert task(RankAndAnswerTask, "It rained.", "Rocks.").parse(reply.text).answer.abstained


def test_it_counts_text_and_no_images_and_says_that_it_sees_none():
    picture = Candidate(Document("p", "plan", Image(data=b"png")))
    seen, unseen = (OrderTask(QUESTION, (show(picture, with_image=one),)) for one in (True, False))
    assert abs(Lexical().count(seen.messages()) - Lexical().count(unseen.messages())) <= 1
    assert not Lexical.card.reads_images
    assert not Lexical.card.calibrated
    assert Lexical().count(()) == 0
