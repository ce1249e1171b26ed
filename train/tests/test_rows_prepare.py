"""Rows made ready: harder, unanswerable, fewer candidates, in order, sampled; the same seed gives the same bytes."""

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image as pillow
from rag_reasoner_train.rows.abstention import unanswerable
from rag_reasoner_train.rows.answers import holds
from rag_reasoner_train.rows.balance import balanced_ids, bucket
from rag_reasoner_train.rows.order import by_retrieval, fewer
from rag_reasoner_train.rows.prepare import Preparation, prepare
from rag_reasoner_train.rows.reading import read_rows
from small_rows import hostile_rows, row

from rag_reasoner.errors import InvalidInput
from rag_reasoner.retrieve.lexical import LexicalRetriever
from rag_reasoner.types import Candidate, Document, Image


@pytest.fixture
def rows(sample):
    return list(read_rows(sample))


def texts(found):
    return Counter(one.text for one in found.candidates)


def test_without_wishes_the_candidates_come_in_retrieval_order_and_nothing_else_changes(rows):
    for before, after in zip(rows, prepare(rows, Preparation()), strict=True):
        assert replace(after, candidates=before.candidates) == before
        assert texts(after) == texts(before)
        ranked = LexicalRetriever(before.candidates).retrieve(before.question, 99)
        assert [one.id for one in after.candidates[: len(ranked)]] == [one.document.id for one in ranked]


def test_given_keeps_the_order_of_the_file(rows):
    assert list(prepare(rows, Preparation(order="given"))) == rows


def test_shuffled_tells_nothing_of_what_is_relevant(rows):
    many = [replace(one, id=f"{one.id}/{n}") for one in rows for n in range(12) if len(one.candidates) == 6]
    places = Counter()
    for found in prepare(many, Preparation(order="shuffled")):
        places.update(place for place, one in enumerate(found.candidates) if one.id in found.relevant)
    expected = sum(places.values()) / 6
    assert all(0.7 * expected < places[place] < 1.3 * expected for place in range(6))


def test_the_order_shuffled_to_does_not_depend_on_the_order_given(rows):
    turned = [replace(one, candidates=one.candidates[::-1]) for one in rows]
    wanted = Preparation(order="shuffled")
    assert [one.candidates for one in prepare(rows, wanted)] == [one.candidates for one in prepare(turned, wanted)]


@given(hostile_rows(), st.integers(1, 6), st.sampled_from([0.0, 0.5, 1.0]))
def test_with_fewer_candidates_every_relevant_one_stays(found, number, easy):
    left = fewer(found, number, easy=easy)
    assert set(left.relevant) <= {one.id for one in left.candidates}
    assert len(left.candidates) == max(len(left.relevant), min(number, len(found.candidates)))
    assert [one for one in found.candidates if one in left.candidates] == list(left.candidates)


def test_the_hardest_stay_and_a_share_of_the_others_where_it_is_wished():
    ranked = row(candidates=[{"id": str(n), "text": f"text {n}"} for n in range(20)], relevant=["7"])
    assert [one.id for one in fewer(ranked, 5).candidates] == ["0", "1", "2", "3", "7"]
    drawn = [one.id for one in fewer(ranked, 5, easy=0.5).candidates]
    assert drawn[:2] == ["0", "1"]
    assert "7" in drawn
    assert {fewer(ranked, 5, easy=0.5, seed=seed).candidates for seed in range(9)} != {fewer(ranked, 5).candidates}


def test_mined_negatives_are_other_rows_documents_that_hold_no_answer(rows):
    for before, after in zip(rows, prepare(rows, Preparation(mine=4, order="given")), strict=True):
        new = after.candidates[len(before.candidates) :]
        assert after.candidates[: len(before.candidates)] == before.candidates
        assert after.relevant == before.relevant
        assert not any(holds(one, before) for one in new)
        assert not {one.text for one in new} & {one.text for one in before.candidates}
        assert len({one.id for one in after.candidates}) == len(after.candidates)
    assert sum(len(one.candidates) for one in prepare(rows, Preparation(mine=4))) > 4 * 40


def test_mined_documents_whose_ids_repeat_get_their_own():
    one = row(id="one", candidates=[{"id": "a", "text": "The museum opened in 1962."}], relevant=["a"])
    other = row(id="other", candidates=[{"id": "a", "text": "The museum opened a new wing."}], relevant=["a"])
    mined, _ = prepare([one, other], Preparation(mine=3, order="given"))
    assert [document.text for document in mined.candidates] == [
        "The museum opened in 1962.",
        "The museum opened a new wing.",
    ]
    assert mined.candidates[1].id.startswith("a~")
    assert set(mined.relevant) == {"a"}


def test_another_retriever_can_be_given(rows):
    asked = []

    class Backwards:
        def __init__(self, documents):
            self.documents = list(documents)

        def retrieve(self, query, k=20):
            asked.append(query)
            return [Candidate(one, n) for n, one in enumerate(self.documents[::-1][:k])]

    found = list(prepare(rows, Preparation(), Backwards))
    assert [one.candidates for one in found] == [one.candidates[::-1] for one in rows]
    assert asked == [one.question for one in rows]


def test_unanswerable_rows_have_no_document_that_holds_an_answer(rows):
    twins = [unanswerable(one) for one in rows]
    for before, twin in zip(rows, twins, strict=True):
        assert not twin.relevant
        assert not twin.answers
        assert not any(holds(one, before) for one in twin.candidates)
        assert {one.id for one in twin.candidates}.isdisjoint(before.relevant)


@pytest.mark.parametrize("share", [0.1, 0.3, 0.5])
def test_the_share_of_unanswerable_rows_is_as_wished(share):
    many = [row(id=str(n)) for n in range(700)]
    found = list(prepare(many, Preparation(unanswerable=share, order="given")))
    assert {one.id for one in many} <= {one.id for one in found}
    assert sum(not one.answerable for one in found) / len(found) == pytest.approx(share, abs=0.05)


@pytest.mark.parametrize("wrong", [{"unanswerable": 1.0}, {"unanswerable": -0.1}, {"easy": 1.5}])
def test_shares_that_cannot_be_are_refused(wrong):
    with pytest.raises(InvalidInput, match=next(iter(wrong))):
        Preparation(**wrong)


def test_a_balanced_sample_has_as_many_of_each_length_as_there_are():
    short = [row(id=f"short {n}") for n in range(90)]
    long = [row(id=f"long {n}", candidates=[{"id": "a", "text": "word " * 900}], relevant=["a"]) for n in range(10)]
    taken = balanced_ids([*short, *long], 20)
    assert sum(one.startswith("long") for one in taken) == 10
    assert balanced_ids([*long[::-1], *short[::-1]], 20) == taken
    assert balanced_ids([*short, *long], 20, seed=1) != taken
    assert len(balanced_ids([*short, *long], 1000)) == 100


@pytest.mark.parametrize(
    ("size", "resolution"), [((500, 500), 1), ((500, 600), 2), ((1000, 1000), 3), ((2000, 2000), 5)]
)
def test_rows_are_told_apart_by_the_resolution_of_their_images(tmp_path, size, resolution):
    pillow.new("RGB", size).save(tmp_path / "p.png")
    pictured = replace(row(), candidates=(Document("a", "x", Image(str(tmp_path / "p.png"))),))
    assert bucket(pictured)[2] == resolution
    assert bucket(row())[2] == 0


def test_everything_together_is_the_same_for_the_same_seed_and_else_another(rows):
    def made(seed):
        return list(prepare(rows, Preparation(30, 3, 0.3, 4, 0.5, "shuffled", seed)))

    assert made(1) == made(1)
    assert made(1) != made(2)
    assert {one.id.split("#unanswerable")[0] for one in made(1)} != {
        one.id.split("#unanswerable")[0] for one in made(2)
    }


def test_what_is_handed_in_is_not_changed(rows):
    before = [replace(one) for one in rows]
    list(prepare(rows, Preparation(10, 3, 0.5, 4, 0.5, "shuffled", 1)))
    assert rows == before


def test_rows_without_a_shared_word_keep_all_their_candidates():
    silent = row(question="¿?", relevant=["b"])
    assert texts(by_retrieval(silent, LexicalRetriever)) == texts(silent)


def test_a_sample_can_have_as_many_rows_that_retrieval_misses_as_ones_that_it_gets_right():
    candidates = [{"id": "near", "text": "the museum opened"}, {"id": "far", "text": "of zinc and rain"}]
    made = [row(id=f"q{n}", candidates=candidates, relevant=["far" if n < 6 else "near"]) for n in range(60)]
    plain, balanced = (list(prepare(made, Preparation(sample=12, missed=wanted))) for wanted in (False, True))
    missed = [one for one in balanced if "far" in one.relevant]
    assert (len(balanced), len(missed)) == (12, 6)
    assert sum("far" in one.relevant for one in plain) < 6


def test_pages_join_three_candidates_each_and_are_as_relevant_as_the_best_of_them():
    many = [{"id": str(n), "title": "T" if n < 9 else "U", "text": f"text {n}"} for n in range(10)]
    grades = {"0": 0.5, "2": 0.5, "4": 0.5, "7": 1.0}
    before = replace(row(candidates=many, relevant=["7"]), relevant=grades)
    (after,) = prepare([before], Preparation(pages=1.0))
    assert after.id == f"{before.id}#pages"
    assert [len(one.id.split(" + ")) for one in sorted(after.candidates, key=lambda one: -len(one.id))] == [3, 3, 3, 1]
    assert sorted(" + ".join(one.id for one in after.candidates).split(" + "), key=int) == [str(n) for n in range(10)]
    for page in after.candidates:
        pieces = page.id.split(" + ")
        assert all(f"text {n}" in page.text for n in pieces)
        assert after.relevant.get(page.id) == max(
            (before.relevant[n] for n in pieces if n in before.relevant), default=None
        )


def test_a_share_of_the_rows_becomes_pages_the_same_with_each_run(rows):
    many = [replace(one, id=f"{one.id}/{n}") for one in rows for n in range(12) if len(one.candidates) == 6]
    first, second = (list(prepare(many, Preparation(pages=0.25))) for _ in range(2))
    assert first == second
    paged = [one for one in first if one.id.endswith("#pages")]
    assert 0.15 < len(paged) / len(many) < 0.35
    assert all(one.answers for one in paged if one.relevant)
