"""What a reply earns: the perfect one everything, a repaired one nothing."""

import pickle
from math import isclose

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag_reasoner import rewards
from rag_reasoner.errors import InvalidInput
from rag_reasoner.rewards import LISTWISE, Truth, components, weighted
from rag_reasoner.tasks import (
    AnswerTask,
    Evidence,
    ListwiseReply,
    MMR5Task,
    OrderTask,
    RankAndAnswerTask,
    RankTask,
    RelevanceTask,
    Statement,
    show,
)
from rag_reasoner.types import Candidate, Document

TEXTS = (
    "The museum opened in 1962 after ten years of building.",
    "Basalt forms when lava cools quickly.",
    "Admission to the museum is free on Mondays.",
    "In 1962 the mayor opened the new museum.",
)
DOCUMENTS = tuple(show(Candidate(Document(str(place), text))) for place, text in enumerate(TEXTS))
TRUTH = Truth({0: 1.0, 3: 1.0}, answers=("1962",), keywords="1962", category="number")
PERFECT = ListwiseReply(
    (3, 0, 2, 1),
    4,
    (
        Evidence(1, True, quote="The museum opened in 1962"),
        Evidence(2, False, reason="it is about a rock"),
        Evidence(3, False, reason="it is about admission"),
        Evidence(4, True, quote="In 1962 the mayor opened"),
    ),
    Statement("1962 [4][1]", (3, 0)),
)


def earned(task_type: type, reply: str, truth: Truth = TRUTH) -> dict[str, float | None]:
    return components(task_type("When did the museum open?", DOCUMENTS), reply, truth)


@pytest.mark.parametrize("task_type", [RankTask, RankAndAnswerTask, AnswerTask, OrderTask])
def test_the_perfect_reply_earns_every_reward_that_applies(task_type):
    parts = earned(task_type, task_type.render(PERFECT))
    assert {part for name, part in parts.items() if part is not None and name != "answer_keywords"} == {1.0}
    assert parts["form"] == 1.0
    assert (parts["rank_cubed"] is None) is not task_type.gives_order
    assert (parts["answer_f1"] is None) is not task_type.gives_answer
    assert (parts["evidence"] is None) is not task_type.gives_evidence


def test_webqa_keywords_are_paid_as_the_official_script_counts_them():
    parts = earned(RankAndAnswerTask, RankAndAnswerTask.render(PERFECT))
    assert parts["answer_keywords"] == pytest.approx(0.999995, abs=1e-9)


@pytest.mark.parametrize(
    "ranking",
    ["[1,1,1,1]", "[4, 1, 3]", "[4, 1, 3, 3]", "[4, 1, 3, 9]", "[0, 1, 2, 3]", "4 1 3 2", "", "[4, 1, 3, 2] or so"],
)
def test_a_repair_earns_nothing_in_mm_r5s_format(ranking):
    parts = earned(MMR5Task, f"<think>hm</think><answer>{ranking}</answer>")
    assert parts["form"] == 0.0
    assert parts["rank_cubed"] == 0.0
    assert parts["rank_ndcg"] == 0.0


@pytest.mark.parametrize("ranking", ["4 > 1 > 3", "4 > 4 > 1 > 3 > 2", "4, 1, 3, 2", "5 > 1 > 3 > 2", "1 > 1 > 1 > 1"])
def test_a_repair_earns_nothing_in_our_format(ranking):
    parts = earned(OrderTask, f"<rank>{ranking}</rank>")
    assert parts["form"] == parts["rank_cubed"] == parts["rank_ndcg"] == 0.0


@pytest.mark.parametrize(
    ("order", "relevant", "published"),
    [
        ([1, 2, 3, 4], {0}, 1.0),
        ([2, 1, 3, 4], {0}, 1 / 8),
        ([2, 3, 1, 4], {0}, 1 / 27),
        ([2, 3, 4, 1], {0}, 1 / 64),
        ([1, 2, 3, 4], {0, 1}, 1.0),
        ([1, 3, 2, 4], {0, 1}, (1 + 1 / 27) / (1 + 1 / 8)),
        ([3, 4, 1, 2], {0, 1}, (1 / 27 + 1 / 64) / (1 + 1 / 8)),
        ([4, 3, 2, 1], {0, 1, 2}, (1 / 8 + 1 / 27 + 1 / 64) / (1 + 1 / 8 + 1 / 27)),
        ([4, 3, 2, 1], {0, 1, 2, 3}, 1.0),
    ],
)
def test_mm_r5s_ranking_reward_has_its_published_values(order, relevant, published):
    reply = MMR5Task.render(ListwiseReply(tuple(number - 1 for number in order), 4, reasoning="hm"))
    found = earned(MMR5Task, reply, Truth(dict.fromkeys(relevant, 1.0)))["rank_cubed"]
    assert found is not None
    assert isclose(found, published, rel_tol=1e-12)


@given(st.permutations(range(4)), st.sets(st.integers(0, 3), min_size=1))
def test_documents_of_one_grade_may_stand_in_any_order(order, relevant):
    truth = Truth(dict.fromkeys(relevant, 1.0))
    swapped = {place: other for place, other in zip(sorted(relevant), reversed(sorted(relevant)), strict=True)}
    other = tuple(swapped.get(place, place) for place in order)
    task = OrderTask("q", DOCUMENTS)
    for name in ("rank_cubed", "rank_ndcg"):
        one, two = (LISTWISE[name](task, ListwiseReply(tuple(o), 4), truth) for o in (order, other))
        assert one == pytest.approx(two)
        assert 0 <= one <= 1


@given(st.text(max_size=300))
def test_whatever_the_reply_every_reward_is_between_0_and_1_or_none(text):
    for task_type in (RankTask, RankAndAnswerTask, AnswerTask, OrderTask, MMR5Task):
        for truth in (TRUTH, Truth()):
            assert all(part is None or 0 <= part <= 1 for part in earned(task_type, text, truth).values())


def test_no_relevant_document_says_nothing_about_the_ranking_but_much_about_abstention():
    silent = RankAndAnswerTask.render(
        ListwiseReply(
            (0, 1, 2, 3),
            4,
            tuple(Evidence(number, False, reason="about something else") for number in range(1, 5)),
            Statement("The documents do not say.", abstained=True),
        )
    )
    parts = earned(RankAndAnswerTask, silent, Truth(answers=("1962",)))
    assert parts["rank_cubed"] is None
    assert parts["rank_ndcg"] is None
    assert parts["answer_f1"] is None
    assert parts["citation"] is None
    assert parts["abstention"] == parts["evidence"] == 1.0
    assert earned(RankAndAnswerTask, silent)["abstention"] == 0.0


def test_evidence_needs_the_right_verdict_and_a_quote_that_stands_in_its_own_document():
    stolen = Evidence(1, True, quote="In 1962 the mayor opened")
    wrong = Evidence(2, True, quote="Basalt forms when lava cools quickly")
    reply = ListwiseReply((3, 0, 2, 1), 4, (stolen, wrong, PERFECT.evidence[2], PERFECT.evidence[3]))
    assert earned(RankTask, RankTask.render(reply))["evidence"] == 0.5


def test_a_yes_without_a_quote_is_no_evidence():
    reply = ListwiseReply((3, 0, 2, 1), 4, (Evidence(1, True, reason="it just does"), *PERFECT.evidence[1:]))
    assert earned(RankTask, RankTask.render(reply))["evidence"] == 0.75


def test_citing_one_of_two_relevant_documents_and_a_stranger_is_half_right():
    reply = ListwiseReply((3, 0, 2, 1), 4, PERFECT.evidence, Statement("1962 [4][2]", (3, 1)))
    assert earned(RankAndAnswerTask, RankAndAnswerTask.render(reply))["citation"] == 0.5


@pytest.mark.parametrize(
    ("reply", "relevant", "reward"),
    [("yes", True, 1), ("yes", False, 0), ("no", False, 1), ("no", True, 0), ("Yes.", True, 0), ("maybe", False, 0)],
)
def test_pointwise_pays_for_exactly_the_right_word(reply, relevant, reward):
    verdict = RelevanceTask("q", DOCUMENTS[0]).parse(reply)
    assert rewards.pointwise(verdict, relevant) == reward


def test_length_falls_in_a_straight_line():
    assert [rewards.length(n, free=100, most=200) for n in (0, 100, 150, 200, 900)] == [1, 1, 0.5, 0, 0]
    with pytest.raises(InvalidInput, match="free=5, most=5"):
        rewards.length(1, free=5, most=5)


def test_components_that_do_not_apply_are_left_out_of_the_mean_rather_than_counted_as_0():
    assert weighted({"form": 1.0, "rank_cubed": None}, {"form": 1, "rank_cubed": 9}) == 1.0
    assert weighted({"form": 0.5, "evidence": 1.0}, {"form": 3, "evidence": 1}) == 0.625
    assert weighted({"form": None}, {"form": 1}) is None


def test_a_weight_for_a_reward_that_there_is_not_is_named():
    with pytest.raises(InvalidInput, match="'rank_cubd'"):
        weighted({"form": 1.0}, {"rank_cubd": 1.0})
    with pytest.raises(InvalidInput, match="-1"):
        weighted({"form": 1.0}, {"form": -1})


def test_a_relevant_place_outside_the_list_is_an_error_and_not_a_zero():
    with pytest.raises(InvalidInput, match="place 7"):
        earned(OrderTask, "<rank>1 > 2 > 3 > 4</rank>", Truth({7: 1.0}))


def test_rewards_are_picklable():
    assert pickle.loads(pickle.dumps(LISTWISE)) == LISTWISE
