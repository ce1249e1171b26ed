"""Rows as the coarse filter leaves them: the list-wise stage learns on what it will be shown."""

import json

import pytest
from rag_reasoner_train.cli import app
from rag_reasoner_train.rows.filtered import filtered, judge_rows
from rag_reasoner_train.rows.line import read_line
from rag_reasoner_train.rows.reading import read_rows
from small_rows import LINE, written
from typer.testing import CliRunner

from rag_reasoner import ReasoningReranker
from rag_reasoner.errors import InvalidInput


@pytest.fixture
def lexical():
    return ReasoningReranker("lexical", stages=("filter",), keep=2)


def row(tmp_path, **changes):
    return read_line(json.dumps(LINE | changes).encode(), tmp_path, "here")


class Counting:
    """A reranker that counts what it is asked, and is gone after so many."""

    def __init__(self, behind, most=99):
        self.behind, self.most, self.asked = behind, most, 0

    def rerank(self, query, candidates):
        if self.asked == self.most:
            raise KeyboardInterrupt
        self.asked += 1
        return self.behind.rerank(query, candidates)


def typed(*words, code=0):
    done = CliRunner().invoke(app, ["data", "filtered", *map(str, words)])
    assert done.exit_code == code, done.output
    return done.output


def test_a_row_keeps_what_the_pipelines_own_filter_keeps_in_its_order(sample, tmp_path, lexical):
    typed("--data", sample, "--judge", "lexical", "--keep", 4, "--out", tmp_path / "out")
    pipeline = ReasoningReranker("lexical", stages=("filter",), keep=4)
    before = {one.id: one for one in read_rows(sample)}
    for after in read_rows(tmp_path / "out"):
        whole = before[after.id]
        ranked = [one.candidate.document.id for one in pipeline.rerank(whole.question, whole.candidates).ranked]
        assert after.relevant == {one: grade for one, grade in whole.relevant.items() if one in ranked}
        if after.relevant:
            assert [one.id for one in after.candidates] == ranked
            assert after.answers == whole.answers


def test_a_row_whose_relevant_documents_were_dropped_becomes_unanswerable(tmp_path):
    (after,) = filtered([row(tmp_path)], {"r1": ("c", "a")})
    assert (after.id, [one.id for one in after.candidates]) == ("r1", ["c", "a"])
    assert not after.relevant
    assert not after.answers


def test_what_holds_the_answer_does_not_stay_in_a_row_that_became_unanswerable(tmp_path):
    candidates = [*LINE["candidates"], {"id": "d", "text": "The museum, open since 1962, is large."}]
    (after,) = filtered([row(tmp_path, candidates=candidates)], {"r1": ("d", "c")})
    assert [one.id for one in after.candidates] == ["c"]


def test_a_run_that_was_ended_goes_on_and_ends_as_an_unbroken_one(sample, tmp_path, lexical):
    rows = list(read_rows(sample))[:9]
    ended, again = Counting(lexical, 4), Counting(lexical)
    with pytest.raises(KeyboardInterrupt):
        judge_rows(rows, ended, "j", tmp_path / "broken.jsonl")
    with (tmp_path / "broken.jsonl").open("ab") as file:
        file.write(b'{"id": "torn')
    judge_rows(rows, again, "j", tmp_path / "broken.jsonl")
    judge_rows(rows, lexical, "j", tmp_path / "whole.jsonl")
    assert (ended.asked, again.asked) == (4, 5)
    assert (tmp_path / "broken.jsonl").read_bytes() == (tmp_path / "whole.jsonl").read_bytes()


def test_what_another_judge_left_is_not_taken_for_this_ones(tmp_path):
    data = written(tmp_path / "data", [LINE])
    typed("--data", data, "--judge", "lexical", "--keep", 2, "--out", tmp_path / "out")
    said = typed("--data", data, "--judge", "lexical", "--keep", 1, "--out", tmp_path / "out", code=2)
    assert "what another judge left (lexical, keep 2, not lexical, keep 1)" in " ".join(said.split())


def test_a_note_of_another_judge_is_refused(tmp_path, lexical):
    judge_rows([], lexical, "one", tmp_path / "kept.jsonl")
    with pytest.raises(InvalidInput, match="another judge"):
        judge_rows([], lexical, "two", tmp_path / "kept.jsonl")
