"""Making documents fit the context: what is cut, what is never cut, and when it is said that nothing fits."""

from dataclasses import replace

import pytest
from fakes import CARD, QUERY, Perfect, documents, positions
from hypothesis import given
from hypothesis import strategies as st

from rag_reasoner import Candidate, Document, Image, ReasoningReranker
from rag_reasoner.backends.base import Card
from rag_reasoner.errors import QueryTooLong
from rag_reasoner.messages import DocumentText, Message, Text, images
from rag_reasoner.stages.fit import fit
from rag_reasoner.stages.share import shares
from rag_reasoner.tasks import RankTask


def characters(messages):
    return sum(len(part.text) for message in messages for part in message.parts)


def dense(messages):
    """A digit costs ten times what another character does."""
    texts = (part.text for message in messages for part in message.parts)
    return sum(10 if character.isdigit() else 1 for text in texts for character in text)


@given(st.text(max_size=400), st.text(max_size=200), st.integers(0, 120), st.sampled_from([characters, dense]))
def test_title_and_text_take_no_more_than_their_share(text, title, tokens, count):
    document = fit(QUERY, Candidate(Document("a", text, title=title)), tokens, count)
    assert sum(count([message]) for message in _alone(document.title, document.text)) <= tokens
    assert document.original == text


def _alone(*texts):
    return [Message("user", (DocumentText(text),)) for text in texts]


@given(st.text(max_size=100), st.text(max_size=20))
def test_what_fits_is_shown_whole(text, title):
    document = fit(QUERY, Candidate(Document("a", text, title=title)), 1000, dense if len(text) < 50 else characters)
    assert document.spans == ((0, len(text)),)
    assert not document.cut


def test_a_cut_document_shows_what_matters_however_the_tokens_are_spread():
    text = "9876543210 " * 200 + "\n\nThe prize is worth most in June.\n\n" + "nothing at all " * 300
    document = fit(QUERY, Candidate(Document("a", text)), 400, dense)
    assert "worth most in June" in document.text
    assert document.cut


def test_a_title_as_long_as_a_book_leaves_room_for_the_text():
    text = "The prize is worth most in June."
    document = fit(QUERY, Candidate(Document("a", text, title="title " * 10_000)), 100, characters)
    assert document.text == text
    assert 0 < len(document.title) <= 25
    assert document.cut


def test_only_documents_are_cut_and_a_document_counts_once_however_often_it_is_cut():
    model = Perfect()
    long = Document("long", "worth 0.4 " + "and so on and so forth. " * 2000, title="On and on")
    result = ReasoningReranker(model, keep="all").answer(QUERY, [long, *documents(0.5, 0.6)])
    for task in (*model.judged, *model.completed):
        said = "".join(p.text for message in task.messages() for p in message.parts if isinstance(p, Text))
        assert QUERY in said
    assert result.usage.cut_documents == 1
    assert result.ranked[2].candidate.document == long


@given(st.lists(st.integers(0, 900), min_size=2, max_size=12), st.integers(700, 3000), st.integers(1, 600))
def test_no_window_is_asked_that_does_not_fit_and_none_of_a_single_document(lengths, context, document_tokens):
    model = Perfect(Card("fake", context))
    given_ = [Document(str(n), f"worth 0.{n} " + "on " * length) for n, length in enumerate(lengths)]
    result = ReasoningReranker(model, stages=("rank",), document_tokens=document_tokens).answer(QUERY, given_)
    assert positions(result) == list(range(len(lengths)))
    assert model.completed
    for task in model.completed:
        assert model.count(task.messages()) + task.reply_tokens <= context
        assert len(task.documents) > 1
        assert task.query == QUERY


def test_where_the_context_is_small_documents_are_cut_so_that_several_can_be_compared():
    given_ = [Candidate(Document(str(n), "on and on " * 500), n) for n in range(10)]
    sized = shares(QUERY, given_, Card("fake", 1000), Perfect().count, 10_000, RankTask)
    assert sized.window >= 4
    assert sized.cut == frozenset(range(10))


@pytest.mark.parametrize("count", [1, 2, 5])
@pytest.mark.parametrize("stages", [("filter", "rank"), ("rank",)])
def test_a_query_that_leaves_no_room_is_an_error_of_its_own_and_asks_nothing(count, stages):
    model = Perfect(Card("fake", 1000))
    reranker = ReasoningReranker(model, stages=stages)
    with pytest.raises(QueryTooLong, match=r"context is 1,000; shorten the query"):
        reranker.answer("word " * 5000, documents(*[0.5] * count))
    assert model.completed == []


def test_room_for_hardly_a_word_of_each_document_is_no_room():
    fixed = Perfect().count(RankTask(QUERY, ()).messages()) + RankTask(QUERY, ()).reply_tokens
    tight = Perfect(Card("fake", fixed + 100))
    with pytest.raises(QueryTooLong):
        ReasoningReranker(tight, stages=("rank",)).rerank(QUERY, ["a " * 99, "b " * 99])
    assert tight.completed == []


def test_a_query_that_is_too_long_is_not_repeated_in_the_error():
    with pytest.raises(QueryTooLong) as caught:
        ReasoningReranker(Perfect(Card("fake", 100))).rerank("canary " * 500, documents(0.1, 0.2))
    assert "canary" not in str(caught.value)


def test_the_answer_to_one_long_document_fits_the_context():
    model = Perfect(Card("fake", 900))
    ReasoningReranker(model).answer(QUERY, ["worth 0.5 " + "and on " * 5000])
    (task,) = model.completed
    assert model.count(task.messages()) + task.reply_tokens <= 900


def test_images_that_cannot_be_cut_do_not_shrink_a_window_to_one():
    card = replace(CARD, context=1500, reads_images=True)
    given_ = [Candidate(Document(str(n), image=Image(data=b"png")), n) for n in range(3)]
    heavy = lambda messages: 10 + 800 * len(list(images(messages)))  # noqa: E731
    sized = shares(QUERY, given_, card, heavy, 384, RankTask)
    assert sized.window == 2
