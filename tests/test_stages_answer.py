"""Answers, reasons and citations: what they rest on, where that stands, and who said so."""

import re
from dataclasses import replace

import pytest
from fakes import CARD, QUERY, UNTRAINED, Mute, Perfect, Says, documents, kinds, only_completes, only_judges
from hypothesis import given, settings
from hypothesis import strategies as st
from small_pdf import Page, pdf, text

from rag_reasoner import Document, Image, ReasoningReranker, read
from rag_reasoner.backends.base import Card
from rag_reasoner.located import located
from rag_reasoner.models.among import Among
from rag_reasoner.models.answerable import Answerable
from rag_reasoner.stages.denied import denied_but_there
from rag_reasoner.stages.pipeline import Outcome
from rag_reasoner.tasks import AnswerTask, Evidence, ListwiseReply, RankTask, Statement
from rag_reasoner.types import Answer, Box, Candidate, Citation, Dropped, Word

MUSEUM = Document("m", "The museum\nopened in 1962. It has 40 rooms.", page=3)


class Answers(Perfect):
    """Quotes the second word on of every document, and cites the documents that have `mark`, in the order shown."""

    def __init__(self, mark, card=CARD):
        super().__init__(card)
        self.mark = mark

    def write(self, task):
        cited = [place for place, one in enumerate(task.documents) if self.mark in one.original]
        marks = "".join(f"[{place + 1}]" for place in cited)
        lines = tuple(
            Evidence(n, True, quote=" ".join(one.text.split()[1:])) for n, one in enumerate(task.documents, 1)
        )
        order = tuple(self.order(task))
        return task.render(ListwiseReply(order, len(order), lines, Statement(f"so {marks}", tuple(cited))))


def marks(answer):
    return [int(number) for number in re.findall(r"\[(\d+)\]", answer.text)]


@settings(max_examples=50)
@given(
    st.integers(1, 30),
    st.sampled_from([900, 1500, 100_000]),
    st.integers(1, 4),
    st.one_of(st.none(), st.integers(1, 12)),
    st.randoms(use_true_random=False),
)
def test_a_mark_is_the_rank_of_the_document_cited_whatever_happened_on_the_way(count, context, times, top_n, chance):
    given_ = documents(*(round(chance.random(), 3) for _ in range(count)))
    model = Answers(" 0.9", Card("fake", context, calibrated=True))
    reranker = ReasoningReranker(model, keep="all", shuffles=times, top_n=top_n)
    answer = (result := reranker.answer(QUERY, given_)).answer
    ranks = {one.candidate.position: one.rank for one in result.ranked}
    beyond = {one.candidate.position: one.reason for one in result.dropped}
    for position, mark in zip([citation.position for citation in answer.citations], marks(answer), strict=True):
        if position in ranks:
            assert ranks[position] == mark
        else:
            assert beyond[position] == f"ranked {mark}, beyond top_n={top_n}; the answer cites it"
    for citation in answer.citations:
        document = given_[citation.position]
        assert (citation.document_id, citation.page) == (document.id, document.page)
        assert document.text[citation.start : citation.end] == citation.quote


def test_a_citation_carries_page_offsets_and_boxes():
    spans = [(0, 3), (4, 10), (11, 17)]
    words = tuple(Word(*span, Box(0.1, 0.1 * line, 0.2, 0.1 * line + 0.05)) for line, span in enumerate(spans))
    document = Document("m", MUSEUM.text, page=3, words=words)
    result = ReasoningReranker(Answers("museum"), keep="all").answer(QUERY, [document, "worth 0.1"])
    (citation,) = result.answer.citations
    assert (citation.document_id, citation.page, citation.verified) == ("m", 3, "normalised")
    assert document.text[citation.start : citation.end] == citation.quote == "museum\nopened in 1962. It has 40 rooms."
    assert citation.boxes == (words[1].box, words[2].box)


def test_quotes_are_found_on_the_page_for_documents_beyond_top_n_too():
    word = Word(0, 5, Box(0, 0, 1, 1))
    document = Document("a", "words", words=(word,))
    citation = Citation("a", None, "words", 0, 5, verified="exact", position=7)
    outcome = Outcome((), (Dropped(Candidate(document, 7), None, "beyond"),), Answer("x", (citation,)))
    assert located(outcome).answer.citations[0].boxes == (word.box,)


def test_boxes_of_a_real_page_enclose_the_quoted_words_only(tmp_path):
    path = tmp_path / "a.pdf"
    path.write_bytes(pdf(Page(text("Nothing here.", y=700) + text("The museum opened in 1962.", y=100))))
    (page,) = read(path).documents
    result = ReasoningReranker("lexical").answer("When did the museum open?", [page])
    (citation,) = result.answer.citations
    assert page.text[citation.start : citation.end] == citation.quote
    assert all(0.8 < box.top < box.bottom < 0.9 for box in citation.boxes)
    assert citation.boxes


def test_a_file_that_is_gone_costs_the_boxes_and_not_the_result(tmp_path):
    path = tmp_path / "a.pdf"
    path.write_bytes(pdf(Page(text("The museum opened in 1962."))))
    (page,) = read(path).documents
    path.unlink()
    (citation,) = ReasoningReranker("lexical").answer("When did the museum open?", [page]).answer.citations
    assert citation.verified == "exact"
    assert citation.boxes == ()


def test_an_invented_quote_is_marked_and_has_no_place():
    class Lies(Perfect):
        def write(self, task):
            return super().write(task).replace("worth 0.9", "worth 9.9")

    result = ReasoningReranker(Lies(), keep="all").answer(QUERY, documents(0.9, 0.1))
    (citation,) = result.answer.citations
    assert (citation.quote, citation.verified, citation.start, citation.boxes) == ("worth 9.9", "none", None, ())
    assert kinds(result) == {"unverified_quote", "unfounded_citation"}


def test_the_models_abstention_is_an_abstention():
    class Honest(Perfect):
        def write(self, task):
            return task.render(ListwiseReply((0, 1), 2, (), Statement("", abstained=True)))

    answer = ReasoningReranker(Honest(), keep="all").answer(QUERY, documents(0.9, 0.1)).answer
    assert (answer.text, answer.citations, answer.abstained) == ("The documents do not say.", (), True)
    assert answer.answered_by == "fake"


@pytest.mark.parametrize("model", [Mute(), Says("I would rather not."), Perfect(UNTRAINED), only_judges()])
def test_an_answer_that_the_model_did_not_give_does_not_pose_as_its_own(model):
    result = ReasoningReranker(model, keep="all").answer("When did the museum open?", [MUSEUM, "worth 0.1 of rock"])
    assert result.answer.answered_by == "extractive"
    assert {one.reasoned_by for one in result.ranked} == {"extractive"}
    (mark,), (citation,) = marks(result.answer), result.answer.citations
    assert result.ranked[mark - 1].candidate.position == citation.position
    assert MUSEUM.text[citation.start : citation.end] == citation.quote


def test_an_extractive_answer_rests_on_what_is_in_the_ranking():
    given_ = ["worth 0.9 of rock", MUSEUM]
    reranker = ReasoningReranker(only_judges(), keep="all")
    assert reranker.answer("When did the museum open?", given_).answer.citations[0].position == 1
    assert reranker.answer("When did the museum open?", given_, top_n=1).answer.abstained


@pytest.mark.parametrize("count", [0, 1, 2])
def test_there_is_always_an_answer_if_one_is_asked_for(count):
    for model in ("lexical", Perfect(), Mute(), only_completes()):
        reranker = ReasoningReranker(model)
        said = reranker.answer(QUERY, documents(0.5, 0.6)[:count]).answer
        assert said.text
        assert said.answered_by
        assert said.abstained or said.citations
        assert reranker.rerank(QUERY, documents(0.5, 0.6)[:count]).answer is None


def test_a_format_without_a_joint_task_is_asked_for_the_answer_with_what_fits_the_context():
    model = Perfect(Card("mm", 2600, format="mm_r5", calibrated=True))
    given_ = [Document(str(n), f"worth 0.{n} " + "on and " * 300, image=Image(data=b"png")) for n in range(9)]
    result = ReasoningReranker(model, stages=("rank",), document_tokens=350).answer(QUERY, given_)
    *_, last = model.completed
    assert isinstance(last, AnswerTask)
    assert len(last.documents) > 1
    assert model.count(last.messages()) + last.reply_tokens <= 2600
    assert result.answer.answered_by == "mm"
    assert {one.ordered_by for one in result.ranked} == {"mm"}


def test_a_verdict_without_a_word_more_is_shown_as_such():
    class Terse(Perfect):
        def write(self, task):
            lines = (Evidence(1, True), Evidence(2, False, reason="too old"))
            return task.render(ListwiseReply((0, 1), 2, lines))

    result = ReasoningReranker(Terse(), keep="all").rerank(QUERY, documents(0.9, 0.1))
    assert [one.reasoning for one in result.ranked] == ["helps", "does not help: too old"]


@pytest.mark.parametrize(
    ("reason", "there"),
    [
        ("no word of museum or lamps", ("museum",)),
        ("no word of rooms or 1962", ("rooms", "1962")),
        ("about opera; nothing on Museums", ("museum",)),
        ("no word of 1,962 or 1962", ("1962",)),
        ("no word of 40.5", ()),
        ("no word of U.S. or rooms. It is old", ("rooms",)),
        ("nothing on the museum", ()),
        ("no word of lamps or of opera", ()),
        ("nothing on museum lamps", ()),
        ("it has no word about rooms", ()),
        ("", ()),
    ],
)
def test_what_a_reason_says_is_not_on_the_page_is_looked_up_there(reason, there):
    assert denied_but_there(reason, MUSEUM) == there


def test_a_reason_that_denies_what_stands_on_the_page_is_shown_with_that():
    class Denies(Perfect):
        def write(self, task):
            lines = (
                Evidence(1, False, reason="no word of worth or lamps"),
                Evidence(2, False, reason="no word of lamps"),
            )
            return task.render(ListwiseReply((0, 1), 2, lines))

    result = ReasoningReranker(Denies(), keep="all").rerank(QUERY, documents(0.9, 0.1))
    assert [one.reasoning for one in result.ranked] == [
        "does not help: “no word of worth or lamps”, but the page has “worth”",
        "does not help: no word of lamps",
    ]


def test_a_quote_in_text_that_no_person_sees_says_so():
    hidden = Document("h", "worth 0.9 indeed", metadata={"hidden_text": ((6, 9),)})
    result = ReasoningReranker(Perfect(), keep="all").answer(QUERY, [hidden, *documents(0.1)])
    assert result.answer.citations[0].hidden
    assert [(one.kind, one.position, one.detail) for one in result.faults] == [("hidden_text", 0, "h")]


def test_a_page_that_is_only_an_image_is_told_of_to_a_model_that_does_not_see():
    picture = Document("p", image=Image(data=b"png"))
    seeing = Card("fake", 100_000, reads_images=True, calibrated=True)
    assert kinds(ReasoningReranker(Perfect(), keep="all").rerank(QUERY, [picture, "x"])) == {"no_text", "image_unseen"}
    assert "image_unseen" not in kinds(ReasoningReranker(Perfect(seeing), keep="all").rerank(QUERY, [picture, "x"]))


SURE = replace(CARD, name="sure", abstain_below=0.4)


@pytest.mark.parametrize("model", [Answers("worth 0.9", SURE), only_judges(SURE)], ids=["ranks", "judges"])
def test_where_the_judge_finds_nothing_relevant_the_documents_do_not_say(model):
    said = ReasoningReranker(model).answer(QUERY, documents(0.1, 0.3, 0.2)).answer
    assert (said.abstained, said.answered_by, said.citations) == (True, "sure", ())
    assert not ReasoningReranker(model).answer(QUERY, documents(0.1, 0.9, 0.2)).answer.abstained


AGAINST_THE_OTHERS = replace(SURE, answerable=Answerable(best=1.0, others=-1.0, bias=-4.0, typical=-4.0))


@pytest.mark.parametrize(("others", "abstained"), [((0.02,) * 8, False), ((0.4,) * 8, True)])
def test_a_best_candidate_among_others_that_are_nearly_as_likely_is_no_answer(others, abstained):
    """The best is as likely in both; the one that follows its own likelihood alone answers both."""
    given_ = documents(0.45, *others)
    assert ReasoningReranker(Answers("worth", AGAINST_THE_OTHERS)).answer(QUERY, given_).answer.abstained is abstained
    assert not ReasoningReranker(Answers("worth", SURE)).answer(QUERY, given_).answer.abstained


def test_whether_there_is_an_answer_is_asked_of_the_candidates_that_the_filter_drops_too():
    given_ = documents(0.45, *(0.4,) * 8)
    for keep in (1, "all"):
        assert ReasoningReranker(Answers("worth", AGAINST_THE_OTHERS), keep=keep).answer(QUERY, given_).answer.abstained


@pytest.mark.parametrize("count", [2, 16, 30])
def test_so_it_is_where_their_probabilities_are_held_against_each_other(count):
    card = replace(AGAINST_THE_OTHERS, among=Among(together=-1.0, typical=-4.3))
    assert not ReasoningReranker(Answers("worth", card)).answer(QUERY, documents(*(0.8,) * count)).answer.abstained


@pytest.mark.parametrize("count", [2, 8, 30])
def test_documents_that_are_all_likely_to_be_relevant_do_not_speak_against_each_other(count):
    model = Answers("worth", AGAINST_THE_OTHERS)
    assert not ReasoningReranker(model).answer(QUERY, documents(*(0.6,) * count)).answer.abstained
    assert ReasoningReranker(model).answer(QUERY, documents(*(0.45,) * count)).answer.abstained


def test_a_model_is_not_asked_for_an_answer_that_the_judge_knows_is_not_there():
    model = Answers("worth", SURE)
    result = ReasoningReranker(model).answer(QUERY, documents(0.1, 0.3, 0.2))
    assert [type(task) for task in model.completed] == [RankTask]
    assert len(result.ranked) == 3


@pytest.mark.parametrize(
    ("card", "worths", "answered"), [(SURE, (0.1, 0.9, 0.2), True), (SURE, (0.9,), False), (CARD, (0.1, 0.9), False)]
)
def test_the_model_is_told_that_the_first_document_answers_where_the_judge_found_so(card, worths, answered):
    """One candidate alone is not judged, and a judge without a line of its own cannot tell."""
    model = Answers("worth", card)
    ReasoningReranker(model, keep="all").answer(QUERY, documents(*worths))
    assert [bool(task.said_in) for task in model.completed] == [answered]
    assert not answered or "worth 0.9" in model.completed[0].documents[0].original


@pytest.mark.parametrize(("worths", "answered"), [((0.1, 0.9, 0.2), True), ((0.9,), False)])
def test_so_it_is_where_one_document_is_left_and_an_answer_alone_is_asked_for(worths, answered):
    model = Answers("worth", SURE)
    ReasoningReranker(model, keep=1).answer(QUERY, documents(*worths))
    assert [(type(task), bool(task.said_in)) for task in model.completed] == [(AnswerTask, answered)]


@pytest.mark.parametrize("first", [0.9, 0.6, 0.3])
def test_a_ranker_that_puts_another_document_first_is_not_told_that_this_one_answers(first):
    class First(Perfect):
        def write(self, task):
            places = sorted(
                range(len(task.documents)), key=lambda p: f"worth {first}" not in task.documents[p].original
            )
            return task.render(ListwiseReply(tuple(places), len(places)))

    ranker = First(Card("mm", 100_000, format="mm_r5", calibrated=True))
    ReasoningReranker(ranker, filter_model=Perfect(SURE), keep="all").answer(QUERY, documents(0.1, 0.9, 0.6, 0.3))
    (task,) = (task for task in ranker.completed if isinstance(task, AnswerTask))
    assert f"worth {first}" in task.documents[0].original
    assert bool(task.said_in) is (first == 0.9)


def test_shown_in_other_orders_only_a_list_that_begins_with_the_judges_first_is_held_to_it():
    model = Answers("worth", SURE)
    ReasoningReranker(model, keep="all", shuffles=4).answer(QUERY, documents(0.1, 0.9, 0.2))
    assert len(model.completed) > 1
    for task in model.completed:
        assert bool(task.said_in) is ("worth 0.9" in task.documents[0].original)


def test_a_candidate_that_nobody_judged_may_hold_the_answer():
    assert not ReasoningReranker(Answers("worth", SURE)).answer(QUERY, documents(0.1)).answer.abstained
