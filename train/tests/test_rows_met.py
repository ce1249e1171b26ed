"""The order in which a run met its candidates: noted by the way, and what lists are then made of."""

import json

import pytest
import tiny_runs
from rag_reasoner_train.cli import app
from rag_reasoner_train.rows.met import candidate_key, kept_as_met, note_met, read_met
from rag_reasoner_train.rows.reading import read_rows
from rag_reasoner_train.stages.sft import sft
from small_rows import LINE, row, written
from typer.testing import CliRunner

from rag_reasoner.errors import InvalidInput

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning", "ignore::UserWarning")


def met(run, **margins):
    run.mkdir(parents=True, exist_ok=True)
    note_met(run, 0, {candidate_key("r1", one): margin for one, margin in margins.items()})
    return run


def typed(*words, code=0):
    done = CliRunner().invoke(app, ["data", "filtered", *map(str, words)])
    assert done.exit_code == code, done.output
    return " ".join(done.output.split())


def test_a_run_notes_the_margin_of_every_candidate_once_before_it_learns_from_it(tmp_path):
    sft(tiny_runs.run_of(tmp_path, "sft", rows=4, num_train_epochs=2))
    found = read_met(tmp_path / "sft")
    rows = [tiny_runs.toy_row(number) for number in range(4)]
    assert set(found) == {candidate_key(one.id, document.id) for one in rows for document in one.candidates}
    first = {}
    for line in (tmp_path / "sft" / "met.0.jsonl").read_text().splitlines():
        first = json.loads(line) | first
    assert found == first


def test_lists_are_made_in_the_order_met_the_best_of_each_row(tmp_path):
    data, run = written(tmp_path / "data", [LINE]), met(tmp_path / "run", a=0.5, b=0.1, c=-2.0)
    typed("--data", data, "--met", run, "--keep", 2, "--out", tmp_path / "out")
    (after,) = read_rows(tmp_path / "out")
    assert [one.id for one in after.candidates] == ["a", "b"]
    assert set(after.relevant) == {"b"}


def test_unanswerable_twins_stand_in_the_same_order(tmp_path):
    data, run = written(tmp_path / "data", [LINE]), met(tmp_path / "run", a=0.1, b=0.9, c=0.5)
    typed("--data", data, "--met", run, "--keep", "all", "--unanswerable", 0.5, "--out", tmp_path / "out")
    found = {one.id: [document.id for document in one.candidates] for one in read_rows(tmp_path / "out")}
    assert found == {"r1": ["b", "c", "a"], "r1#unanswerable": ["c", "a"]}


def test_a_row_that_brought_its_unanswerable_twin_gets_no_second_one(tmp_path):
    twin = LINE | {"id": "r1#unanswerable", "relevant": [], "answers": [], "candidates": LINE["candidates"][::2]}
    data, run = written(tmp_path / "data", [LINE, twin]), met(tmp_path / "run", a=0.1, b=0.9, c=0.5)
    typed("--data", data, "--met", run, "--keep", "all", "--unanswerable", 0.5, "--out", tmp_path / "out")
    assert [one.id for one in read_rows(tmp_path / "out")] == ["r1", "r1#unanswerable"]


def test_of_several_runs_the_first_that_met_a_candidate_counts(tmp_path):
    read = read_met(met(tmp_path / "first", a=1.0), met(tmp_path / "second", a=5.0, b=2.0))
    assert read == {candidate_key("r1", "a"): 1.0, candidate_key("r1", "b"): 2.0}


@pytest.mark.parametrize("wrong", [0, 3, 6, 9])
def test_with_missed_as_many_lists_are_to_be_corrected_as_not(tmp_path, wrong):
    data = written(tmp_path / "data", [{**LINE, "id": f"r{number}"} for number in range(9)])
    run = tmp_path / "run"
    run.mkdir()
    for number in range(9):
        margins = {"a": 1.0, "b": 2.0 if number >= wrong else 0.0, "c": -1.0}
        note_met(run, 0, {candidate_key(f"r{number}", one): margin for one, margin in margins.items()})
    typed("--data", data, "--met", run, "--keep", 2, "--missed", "--out", tmp_path / "out")
    firsts = [one.candidates[0].id for one in read_rows(tmp_path / "out")]
    assert sorted(firsts) == ["a"] * min(wrong, 9 - wrong) + ["b"] * min(wrong, 9 - wrong)


def test_a_row_that_was_not_met_as_a_whole_is_left_out():
    assert kept_as_met([row()], {candidate_key("r1", "a"): 1.0}) == {}


def test_what_was_met_again_counts_as_it_was_met_first(tmp_path):
    met(met(tmp_path, a=1.0), a=5.0)
    assert read_met(tmp_path) == {candidate_key("r1", "a"): 1.0}


def test_also_where_another_process_met_it_first(tmp_path):
    keys = [candidate_key("r1", one) for one in "abc"]
    for process, *margins in ((0, 1.0, 2.0, 3.0), (1, 9.0, 8.0, 7.0)):
        for key, margin in zip(keys if process else keys[::-1], margins, strict=True):
            note_met(tmp_path, process, {key: margin})
    assert read_met(tmp_path) == {keys[0]: 9.0, keys[1]: 2.0, keys[2]: 1.0}


def test_a_folder_without_notes_is_refused(tmp_path):
    with pytest.raises(InvalidInput, match="no met"):
        read_met(tmp_path)


@pytest.mark.parametrize("given", [[], ["--judge", "lexical", "--met", "run"]])
def test_one_of_judge_and_run_must_be_given(tmp_path, given):
    data = written(tmp_path / "data", [LINE])
    assert "--judge" in typed("--data", data, *given, "--out", tmp_path / "out", code=2)


def test_a_probability_is_no_measure_of_what_was_met(tmp_path):
    data, run = written(tmp_path / "data", [LINE]), met(tmp_path / "run", a=1.0, b=2.0, c=3.0)
    assert "with --met" in typed("--data", data, "--met", run, "--keep", 0.5, "--out", tmp_path / "out", code=2)
