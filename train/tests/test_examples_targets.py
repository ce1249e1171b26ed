"""The SFT target of a row earns the full reward: over the sample, and over rows that try to break our formats."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rag_reasoner_train.chains.chain import Chain
from rag_reasoner_train.chains.rules import BRIEF_STYLE, FULL_STYLE, Rules, chain_by_rule
from rag_reasoner_train.examples import listwise_examples, pointwise_examples
from rag_reasoner_train.examples.view import View
from rag_reasoner_train.rows.reading import read_rows
from rag_reasoner_train.rows.view import _HEADING as HEADING
from rag_reasoner_train.rows.view import Tokens, seen
from small_rows import count_words, hostile_rows, row

from rag_reasoner.errors import InvalidInput
from rag_reasoner.rewards import components, pointwise
from rag_reasoner.types import Document, Image
from rag_reasoner.words import sentences

TASKS = ("rank", "rank_and_answer", "answer")


def assert_earns_everything(example):
    parts = components(example.task, example.target, example.truth)
    short = {name: part for name, part in parts.items() if part is not None and part < 1 and name != "answer_keywords"}
    assert not short, (short, example.target)
    assert not example.task.parse(example.target).faults


@pytest.mark.parametrize("split", ["train", "dev"])
@pytest.mark.parametrize("words", [None, 70, 20])
def test_the_target_of_every_row_of_the_sample_earns_the_full_reward(sample, split, words):
    rows = list(read_rows(sample, split))
    chains = {one.id: chain_by_rule(one) for one in rows}
    found = list(listwise_examples(rows, chains, tasks=TASKS, shuffles=3, view=View(words)))
    assert {one.group for one in found} == {one.id for one in rows}
    for example in found:
        assert_earns_everything(example)


def test_the_sample_has_sixty_rows_and_most_carry_their_answer(sample):
    rows = [*read_rows(sample, "train"), *read_rows(sample, "dev")]
    assert len(rows) == 60
    assert sum(chain_by_rule(one).certain for one in rows) >= 45
    assert not all(chain_by_rule(one).certain for one in rows)  # some answers must be worked out


@given(hostile_rows(), st.sampled_from([None, 30, 5]), st.sampled_from([FULL_STYLE, BRIEF_STYLE]), st.integers(0, 3))
def test_the_target_of_a_hostile_row_earns_the_full_reward(found, words, style, seed):
    chain = chain_by_rule(found, Rules(seed, style, View(words)))
    examples = list(listwise_examples([found], {found.id: chain}, tasks=TASKS, shuffles=2, view=View(words), seed=seed))
    assert examples
    for example in examples:
        assert_earns_everything(example)


@given(hostile_rows())
def test_the_target_of_a_pair_is_its_label(found):
    for example in pointwise_examples([found]):
        assert pointwise(example.task.parse(example.target), example.relevant) == 1.0
        assert bool(example.truth.relevant) is example.relevant


def test_rows_with_the_same_ids_of_documents_keep_their_own_chains():
    one = row(id="one")
    other = row(
        id="other",
        answers=["1850"],
        candidates=[{"id": "a", "text": "The mill opened in 1850."}, {"id": "b", "text": "The museum is closed."}],
        relevant=["a"],
        question="When did the mill open?",
    )
    chains = {found.id: chain_by_rule(found) for found in (one, other)}
    for example in listwise_examples([one, other], chains, tasks=TASKS):
        assert_earns_everything(example)
        assert ("1850" in example.target) is (example.group == "other")


def test_a_row_whose_answer_no_sentence_carries_teaches_to_rank_only():
    uncertain = row(answers=["seventeen"])
    examples = list(listwise_examples([uncertain], {"r1": chain_by_rule(uncertain)}, tasks=TASKS))
    assert [type(one.task).__name__ for one in examples] == ["RankTask"]


def test_without_chains_there_are_tasks_and_truths_but_no_targets():
    examples = list(listwise_examples([row()], tasks=TASKS))
    assert [one.target for one in examples] == [None] * 3
    assert all(one.truth.answers == ("1962",) for one in examples)


def test_each_shuffle_shows_another_order_and_says_the_same():
    many = row(
        candidates=[{"id": str(n), "text": f"The museum of town {n} opened in 1962."} for n in range(6)], relevant=["3"]
    )
    examples = list(listwise_examples([many], {"r1": chain_by_rule(many)}, tasks=["rank"], shuffles=8))
    orders = {tuple(shown.text for shown in one.task.documents) for one in examples}
    assert len(orders) > 6
    assert len({one.id for one in examples}) == 8
    assert {tuple(sorted(one.target.replace("[", "").split("yes: ")[1].split("\n")[:1])) for one in examples} == {
        ('"The museum of town 3 opened in 1962."',)
    }


def test_equally_relevant_documents_stand_in_the_order_shown_and_better_ones_before_them():
    graded = row(candidates=[{"id": str(n), "text": f"The museum opened in 1962, says book {n}."} for n in range(4)])
    graded = replace(graded, relevant={"0": 1.0, "2": 2.0, "3": 1.0})
    (example,) = listwise_examples([graded], {"r1": chain_by_rule(graded)}, tasks=["rank"], order="given")
    assert "<rank>3 > 1 > 4 > 2</rank>" in example.target
    assert_earns_everything(example)


def test_the_same_seed_gives_the_same_examples_and_another_gives_others(sample):
    rows = list(read_rows(sample))
    first, again, other = (list(listwise_examples(rows, seed=seed)) for seed in (1, 1, 2))
    assert first == again
    assert [one.task for one in first] != [one.task for one in other]


def test_examples_are_made_one_at_a_time(sample):
    def rows():
        yield from read_rows(sample)
        raise AssertionError("all rows were read before the first was used")

    assert next(listwise_examples(rows())).target is None
    assert next(pointwise_examples(rows())).target in ("yes", "no")


@pytest.mark.parametrize("words", [5, 12, 30])
def test_a_cut_document_keeps_its_quote_and_the_head_of_its_table(words):
    head = "| City | Opened |\n|  | in |\n"
    table = head + "".join(f"| Town {n} | {1900 + n} |\n" for n in range(80))
    found = row(
        question="When did the museum of Town 62 open?",
        candidates=[{"id": "t", "text": table}, {"id": "p", "text": "word " * 300 + "The museum opened in 1962."}],
        relevant=["t", "p"],
    )
    (example,) = listwise_examples(
        [found], {"r1": chain_by_rule(found)}, tasks=["rank_and_answer"], view=View(words), order="given"
    )
    assert_earns_everything(example)
    shown = example.task.documents
    assert shown[0].text.startswith(head.strip())
    assert "Town 62" in shown[0].text
    assert all(one.cut for one in shown)
    assert all(len(one.text.split()) <= words + 20 for one in shown)


def test_where_a_cut_would_change_what_is_shown_of_a_quote_the_whole_is_shown():
    text = "word " * 30 + "[12 34] the museum opened in 1962. " + "word " * 30
    keep = "34) the museum opened in 1962."  # the whole document shows (12 34), a cut through the mark 34]
    assert seen("when?", Document("d", text), View(2), keep).locate(keep)
    assert seen("when?", Document("d", text), View(2), "museum opened in 1962").cut


FAR = "The museum is in a museum about museums that open. " * 20 + "Its doors stood open in 1962. " + "word " * 100


def test_without_a_chain_too_a_list_shows_what_its_labels_rest_on():
    (example, *_) = listwise_examples([row(candidates=[{"id": "b", "text": FAR}])], view=View(words=20))
    (shown,) = example.task.documents
    assert shown.cut
    assert "1962" in shown.text


@pytest.mark.parametrize("view", [View(words=20), View(tokens=Tokens(20, count_words))])
def test_a_judged_document_is_cut_alike_whatever_its_label_is(view):
    found = row(candidates=[{"id": "b", "text": FAR}])
    plain = replace(found, relevant={}, answers=())
    one, other = (next(pointwise_examples([labelled], view=view)).task for labelled in (found, plain))
    assert one == other
    assert one.document.cut


@pytest.mark.parametrize("words", [70, 110])
def test_no_document_of_the_sample_is_cut_within_a_sentence(sample, words):
    """Half a sentence between two gaps, in what is relevant and in nothing else, would tell the label."""
    rows = list(read_rows(sample))
    chains = {one.id: chain_by_rule(one) for one in rows}
    listed = listwise_examples(rows, chains, tasks=["rank"], view=View(words))
    pairs = pointwise_examples(rows, view=View(words))
    shown = [*(one for example in listed for one in example.task.documents), *(pair.task.document for pair in pairs)]
    cut = [one for one in shown if one.cut]
    assert len(cut) > 100
    for one in cut:
        whole = [*sentences(one.original), *(found.span() for found in HEADING.finditer(one.original))]
        assert {start for start, _ in one.spans} <= {start for start, _ in whole}
        assert {end for _, end in one.spans} <= {end for _, end in whole}


def test_images_are_shown_only_where_they_are_wanted():
    found = row()
    pictured = type(found)(
        found.id,
        found.question,
        (Document("b", "The museum opened in 1962.", Image(data=b"x")),),
        {"b": 1.0},
        ("1962",),
    )
    without, with_images = (
        next(pointwise_examples([pictured], view=View(images=wanted))).task.document.image for wanted in (False, True)
    )
    assert without is None
    assert with_images == Image(data=b"x")


def test_a_chain_of_another_version_of_the_row_is_refused_by_name():
    chain = chain_by_rule(row())
    stale = Chain(chain.row_id, {"a": chain.sayings["a"]}, chain.answer, chain.certain)
    with pytest.raises(InvalidInput, match=r"the chain of row 'r1' says nothing of document"):
        list(listwise_examples([row()], {"r1": stale}))
