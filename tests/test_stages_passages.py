"""Where in the likeliest document the answer stands, as the judge finds: what a held reply may quote of it."""

from dataclasses import replace

import pytest
from fakes import CARD, QUERY, Perfect, documents, worth

from rag_reasoner import Document, ReasoningReranker
from rag_reasoner.backends.base import Judged
from rag_reasoner.models.lists import Lists
from rag_reasoner.stages.passages import MOST_JUDGED
from rag_reasoner.types import Fault

FROM_TWO = replace(CARD, abstain_below=0.4, lists=Lists(3, 200, held=True, passages=2))
OPENED, ROOMS, RAIN = "It opened in May, worth 0.8.", "It has 40 rooms, worth 0.9.", "Rain fell for a week."
MUSEUM = Document("museum", f"{RAIN} {OPENED} {RAIN} {ROOMS}")


class Reads(Perfect):
    """Judges what it is shown, the best of it, and notes the texts."""

    def chance(self, document):
        return max(map(worth, document.text.split(". ")))


def asked(model, given, *, answer=True, **settings):
    """The texts that were judged one by one beside the candidates, and the list-wise task."""
    reranker = ReasoningReranker(model, **{"keep": "all", **settings})
    (reranker.answer if answer else reranker.rerank)(QUERY, given)
    task = model.completed[0]
    return [one.document.text for one in model.judged[len(given) :]], task


def test_a_quote_that_answers_is_taken_from_the_likeliest_sentences_in_the_order_of_the_document():
    judged, task = asked(Reads(FROM_TWO), [*documents(0.3), MUSEUM])
    assert judged == [RAIN, OPENED, RAIN, ROOMS]
    assert task.said_in == (OPENED, ROOMS)
    assert task.documents[0].text == MUSEUM.text


def test_so_it_is_where_one_document_is_left_and_an_answer_alone_is_asked_for():
    _, task = asked(Reads(FROM_TWO), [*documents(0.3), MUSEUM], keep=1)
    assert (len(task.documents), task.said_in) == (1, (OPENED, ROOMS))


@pytest.mark.parametrize(
    "lists",
    [None, Lists(3, 200, held=True), Lists(3, 200, held=False, passages=2), Lists(3, 200, held=True, passages=4)],
    ids=["no lists", "none wanted", "not held", "no more than wanted"],
)
def test_elsewhere_it_is_taken_from_all_that_is_shown_and_nothing_more_is_judged(lists):
    judged, task = asked(Reads(replace(FROM_TWO, lists=lists)), [*documents(0.3), MUSEUM])
    assert (judged, task.said_in) == ([], (MUSEUM.text,))


@pytest.mark.parametrize(("best", "answer"), [(0.3, True), (0.9, False)], ids=["no answer found", "none asked for"])
def test_where_nothing_is_answered_no_sentence_is_judged(best, answer):
    given = [*documents(0.1), Document("d", f"{RAIN} Worth it, worth {best}. {RAIN} {RAIN}")]
    judged, task = asked(Reads(FROM_TWO), given, answer=answer)
    assert (judged, task.said_in) == ([], None)


@pytest.mark.parametrize("verdict", [Judged(None, Fault("backend_error", "lost")), Judged(float("nan"))])
@pytest.mark.parametrize("keep", ["all", 1])
def test_a_sentence_that_could_not_be_judged_is_told_and_leaves_the_whole_document_to_quote(verdict, keep):
    class Loses(Reads):
        def verdict(self, task):
            return verdict if task.document.text == RAIN else super().verdict(task)

    model = Loses(FROM_TWO)
    result = ReasoningReranker(model, keep=keep).answer(QUERY, [*documents(0.3), MUSEUM])
    assert model.completed[0].said_in == (MUSEUM.text,)
    assert [(fault.kind, fault.position) for fault in result.faults] == [("backend_error", 1)]


def test_sentences_are_judged_where_a_list_is_shown_in_other_orders_for_the_ones_that_begin_with_the_document():
    model = Reads(FROM_TWO)
    result = ReasoningReranker(model, keep="all", shuffles=4).answer(QUERY, [*documents(0.3, 0.2), MUSEUM])
    told = {task.documents[0].original == MUSEUM.text: task.said_in for task in model.completed}
    assert told == {True: (OPENED, ROOMS), False: None}
    assert result.timings["passages"] >= 0


def test_of_a_very_long_document_the_sentences_nearest_to_the_query_are_judged():
    parts = [f"It is the room of number {n}." for n in range(60)]
    long = Document("long", " ".join([*parts[:40], OPENED, *parts[40:], ROOMS]))
    judged, task = asked(Reads(FROM_TWO), [*documents(0.3), long], document_tokens=5_000)
    assert len(judged) == MOST_JUDGED + 2
    assert task.said_in == (OPENED, ROOMS)


def test_only_sentences_that_the_reader_is_shown_are_judged():
    unseen = Document("long", f"{'-- ' * 300}\n\n" + " ".join([OPENED, *[RAIN] * 30, ROOMS]))
    judged, task = asked(Reads(FROM_TWO), [*documents(0.3), unseen], document_tokens=30)
    assert 2 < len(judged) < 32
    assert all(text in task.documents[0].text for text in judged)
    assert task.said_in == (OPENED, ROOMS)


@pytest.mark.parametrize("odd", ["as was said [Doc. 12] in works", "at https://" + "x1y2z" * 150])
def test_what_is_quoted_is_found_again_in_what_is_shown(odd):
    """A mark that is made harmless may reach over what looks like a sentence's end; a very long word is cut."""
    given = [*documents(0.3), Document("odd", f"{OPENED} It opened {odd}, worth 0.7. {RAIN} {RAIN} Worth more.")]
    judged, task = asked(Reads(replace(FROM_TWO, lists=Lists(3, 900, held=True, passages=4))), given)
    assert len(judged) > len(task.said_in) == 4
    assert all(task.documents[0].locate(text) for text in task.said_in)


def test_marks_that_could_pose_as_ours_are_quoted_as_they_are_shown():
    marked = Document("marked", f"It opened [1] in May, worth 0.9. {RAIN} {RAIN}")
    _, task = asked(Reads(FROM_TWO), [*documents(0.3), marked])
    assert task.said_in[0] == "It opened (1) in May, worth 0.9."
    assert task.said_in[0] in task.documents[0].text


def test_what_stands_between_sentences_and_has_no_word_is_not_judged():
    ruled = Document("table", f"| --- | --- |\n| {OPENED} |\n| *** |\n| {RAIN} |\n| {ROOMS} |")
    judged, _ = asked(Reads(FROM_TWO), [*documents(0.3), ruled])
    assert len(judged) == 3
