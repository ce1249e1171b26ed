"""Documents by themselves: each with the questions that it answers, one after another, and some that it does not."""

import pytest
from rag_reasoner_train.cli import app
from rag_reasoner_train.rows.abstention import SUFFIX
from rag_reasoner_train.rows.alone import Alone, alone
from rag_reasoner_train.rows.answers import holds
from rag_reasoner_train.rows.reading import read_rows
from small_rows import LINE, row, written
from typer.testing import CliRunner

from rag_reasoner.errors import InvalidInput

OPENED, ADMISSION = row(id="opened"), row(id="free", question="When is it free?", answers=["Mondays"], relevant=["c"])
HILL = row(id="hill", question="Where is the old museum?", answers=["on the hill"])
LAVA = row(id="lava", question="When does basalt form?", answers=["when lava cools"], relevant=["a"])
ROWS = [OPENED, LAVA, HILL, ADMISSION]
AS = {"b": "1962", "c": "Mondays"}
"""What these documents answer."""


def of(rows, **wanted):
    return [(one.candidates[0].id, one.id) for one in alone(rows, Alone(**wanted))]


def test_the_questions_of_a_document_follow_one_another():
    found = of(ROWS, unanswerable=0.0)
    assert sorted(found) == [("a", "lava/a"), ("b", "hill/b"), ("b", "opened/b"), ("c", "free/c")]
    places = [place for place, (document, _) in enumerate(found) if document == "b"]
    assert places[1] == places[0] + 1


def test_of_what_it_does_not_answer_a_document_gets_what_shares_most_words_with_it():
    near = row(id="near", question="When was the museum on the hill opened to children?", answers=["x"], relevant=["a"])
    found = of([OPENED, near, LAVA], unanswerable=0.5)
    assert ("b", f"near/b{SUFFIX}") in found
    assert ("b", f"lava/b{SUFFIX}") not in found


def test_nothing_is_called_unanswered_whose_answer_stands_in_the_document():
    """An unlabelled document may hold the answer all the same."""
    twice = row(id="twice", question="When did a museum open?", relevant=["a"], answers=["1962"])
    rows = [*ROWS, twice]
    wanted = Alone(unanswerable=0.5)
    for one in alone(rows, wanted):
        source = next(other for other in rows if one.id.startswith(f"{other.id}/"))
        assert holds(one.candidates[0], source) is one.answerable
        assert bool(one.answers) is one.answerable


def test_what_is_reckoned_is_not_asked_of_a_document_by_itself():
    reckoned = row(id="sum", extra={"answer_type": "arithmetic"})
    assert of([reckoned], unanswerable=0.0) == []


def test_only_documents_that_answer_enough_are_taken_and_no_more_questions_than_asked_for():
    assert of(ROWS, least=2, unanswerable=0.0) == [("b", "opened/b"), ("b", "hill/b")]
    assert len(of(ROWS, documents=1, unanswerable=0.0, most=1)) == 1


def test_a_document_comes_with_so_many_that_it_answers_and_a_share_that_it_does_not():
    rows = [row(id=f"{one}{n}", relevant=[one], answers=[AS[one]]) for n in range(9) for one in AS]
    found = [one for one in alone(rows, Alone(unanswerable=0.25, most=6)) if one.candidates[0].id == "b"]
    assert [one.answerable for one in found] == [True] * 6 + [False] * 2


def test_about_the_share_asked_for_is_unanswered():
    rows = [row(id=f"{one}{n}", relevant=[one], answers=[AS[one]]) for n in range(20) for one in AS]
    found = list(alone(rows, Alone(unanswerable=0.25, most=20)))
    assert sum(not one.answerable for one in found) == pytest.approx(0.25 * len(found), abs=2)


def test_beside_others_a_document_is_in_the_same_list_for_all_its_questions():
    lists = [one for one in alone(ROWS, Alone(unanswerable=0.3, beside=1)) if "/b" in one.id]
    assert {len(one.candidates) for one in lists} == {2}
    assert len({tuple(document.id for document in one.candidates) for one in lists}) == 1
    assert {tuple(one.relevant) for one in lists if one.answerable} == {("b",)}


def test_beside_it_stands_nothing_that_helps_with_any_of_its_questions():
    """The hill's second document is labelled, and the other's text holds an answer without a label."""
    labelled = row(id="hill", question="Where is the old museum?", answers=["on the hill"], relevant=["b", "c"])
    unlabelled = row(id="opened", question="When does the museum open?", answers=["1962", "when lava cools"])
    found = [one for one in alone([labelled, unlabelled], Alone(unanswerable=0, beside=2)) if "/b" in one.id]
    assert [len(one.candidates) for one in found] == [1] * 2


def test_a_document_stands_first_among_others_most_often_and_not_always():
    rows = [
        row(
            id=str(n),
            candidates=[{"id": f"{one}{n}", "title": "", "text": f"{one} {n}"} for one in "bac"],
            relevant=[f"b{n}"],
            answers=[f"b {n}"],
        )
        for n in range(60)
    ]
    places = [
        [one.id[0] for one in found.candidates].index("b") for found in alone(rows, Alone(unanswerable=0, beside=2))
    ]
    assert set(places) == {0, 1, 2}
    assert places.count(0) > 40


@pytest.mark.parametrize(
    ("wanted", "named"),
    [({"unanswerable": 1.0}, "unanswerable=1.0"), ({"least": 7}, "least=7"), ({"beside": -1}, "beside=-1")],
)
def test_what_cannot_be_is_refused_by_name(wanted, named):
    with pytest.raises(InvalidInput, match=named):
        Alone(**wanted)


def test_the_command_writes_rows_that_chains_can_be_made_of(tmp_path):
    folder = written(tmp_path / "rows", [LINE, {**LINE, "id": "r2", "question": "What is on the hill?"}])
    said = CliRunner().invoke(app, ["data", "alone", "--data", str(folder), "--out", str(tmp_path / "out")])
    assert said.exit_code == 0, said.output
    assert [one.id for one in read_rows(tmp_path / "out", "train")] == ["r1/b", "r2/b"]
    made = CliRunner().invoke(app, ["data", "chains", "--data", str(tmp_path / "out"), "--brief"])
    assert "2 chains" in made.output
