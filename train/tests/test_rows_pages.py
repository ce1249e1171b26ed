"""Rows of pages: pictures of real pages, questions from what stands on them, and labels that hold."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image as pillow
from printed_pages import pdf
from rag_reasoner_train.chains.check import check
from rag_reasoner_train.chains.files import read_chains
from rag_reasoner_train.cli import app
from rag_reasoner_train.examples import listwise_examples, pointwise_examples
from rag_reasoner_train.examples.view import View
from rag_reasoner_train.rows.pages.asked import Asked
from rag_reasoner_train.rows.pages.captions import caption_questions
from rag_reasoner_train.rows.pages.relevance import sorted_pages
from rag_reasoner_train.rows.pages.tables import table_questions
from rag_reasoner_train.rows.reading import read_rows
from typer.testing import CliRunner

from rag_reasoner.types import Document

NORTH, SOUTH = "Northern region sales 1,496.5 1,202.9 1,107.7", "Southern region sales 44.1 56.7 70.8"
SALES = ["Sales by region", "2019 2018 2017", NORTH, SOUTH]
STAFF = ["Staff", "FY 2018", "FY 2019", "Number of people who", "answer the telephone 120 134", "It was a good year."]
FIGURE = ["Figure 2: Average reaction time by days of sleep deprivation.", "We see that people slow down."]
PROSE = ["The museum opened in 1962. It has 40 rooms.", "Admission is free."]
COPY = ["Annexe", *SALES[1:3], "and nothing else"]


@pytest.fixture
def reports(tmp_path):
    folder = tmp_path / "reports"
    folder.mkdir()
    (folder / "a.pdf").write_bytes(pdf(SALES, STAFF, FIGURE, PROSE))
    (folder / "b.pdf").write_bytes(pdf(PROSE, COPY))
    return folder


def run(*arguments, code=0):
    done = CliRunner().invoke(app, ["data", *map(str, arguments)])
    assert done.exit_code == code, done.output
    return done.output


def asked(lines, questions=table_questions):
    return [(one.question, one.answer) for one in questions("\n".join(lines))]


def test_figures_under_years_become_questions():
    assert asked(SALES)[:2] == [
        ("What is given for 2019 as: Northern region sales?", "1,496.5"),
        ("What is given for 2018 as: Northern region sales?", "1,202.9"),
    ]
    assert len(asked(SALES)) == 6


def test_a_label_may_begin_on_a_line_above_and_years_may_stand_on_lines_of_their_own():
    assert asked(STAFF) == [
        ("What is given for FY 2018 as: Number of people who answer the telephone?", "120"),
        ("What is given for FY 2019 as: Number of people who answer the telephone?", "134"),
    ]


REPORT = """Table Performance
Measure
FY 2014
Results
FY 2015
Results
FY 2016
Results
FY 2016
Target
Met/
Not Met
FY 2014-
FY 2016
Trend
4.3 A
Average satisfaction score
for contracting services
-* 3.89 2.89 >=4.7 Not Met
4.3 B Average number of days to
process retirement cases 53.3 56.2 54.1 <=60 Met"""


def test_columns_behind_the_years_are_of_another_kind_and_dashes_are_no_figures():
    assert asked(REPORT.replace(">=", "≥").replace("<=", "≤").split("\n")) == [
        ("What is given for FY 2015 as: Average satisfaction score for contracting services?", "3.89"),
        ("What is given for FY 2016 as: Average satisfaction score for contracting services?", "2.89"),
        ("What is given for FY 2014 as: Average number of days to process retirement cases?", "53.3"),
        ("What is given for FY 2015 as: Average number of days to process retirement cases?", "56.2"),
        ("What is given for FY 2016 as: Average number of days to process retirement cases?", "54.1"),
    ]


@pytest.mark.parametrize(
    "lines",
    [
        ["The survey ran from 2017 to 2018.", "Northern region sales 1,496.5 1,202.9"],  # a sentence is no heading
        ["2019 2018", "Northern region sales 1,496.5 1,202.9 1,107.7 3.1 4.5"],  # whose figure is it?
        ["2019 2018 2017", "Northern region sales 1,496.5 1,202.9"],  # a figure is missing
        ["2019 2018", "12.1 13.1", "14.1 15.1"],  # of what?
        ["Northern region sales 1,496.5 1,202.9"],
        ["2019 2018", "went from 17.7 to 8.6 minutes, 2 less"],
    ],
)
def test_what_is_not_surely_a_row_under_years_is_left_alone(lines):
    assert asked(lines) == []


def test_captions_become_questions_and_mentions_do_not():
    assert asked(FIGURE, caption_questions) == [
        ("Which figure is called “Average reaction time by days of sleep deprivation”?", "Figure 2")
    ]
    assert asked(["Table 2 provides several examples of models.", "Figure 3: No."], caption_questions) == []


def test_every_page_that_answers_is_relevant_and_what_cannot_be_told_is_left_out():
    question = Asked("What is given for 2019 as: Northern region sales?", "1,496.5", "Northern region sales 2019")
    pages = [
        Document("origin", "\n".join(SALES)),
        Document("copy", "\n".join(COPY)),
        Document("same number", "In the northern region we paid 1,496.5 for the roof."),
        Document("same words", "Northern region sales in 2019 were disappointing."),
        Document("other number", "Northern region sales 2019 1,496.55"),
        Document("prose", "\n".join(PROSE)),
    ]
    found = sorted_pages(question, {"origin"}, pages)
    assert found.relevant == ("origin", "copy")
    assert found.unsure == {"same number"}


def test_what_two_pages_answer_differently_is_not_asked(tmp_path):
    folder = tmp_path / "reports"
    folder.mkdir()
    (folder / "a.pdf").write_bytes(pdf(SALES, PROSE))
    (folder / "b.pdf").write_bytes(pdf([line.replace("1,496.5", "1,500.0") for line in SALES], PROSE))
    run("pages", "--data", folder, "--out", tmp_path / "out", "--pixels", 50_000, "--per-page", 9)
    questions = [row.question for row in read_rows(tmp_path / "out")]
    assert "What is given for 2018 as: Northern region sales?" in questions
    assert "What is given for 2019 as: Northern region sales?" not in questions


def test_a_page_that_has_the_answer_for_another_reason_is_no_candidate(tmp_path):
    folder = tmp_path / "reports"
    folder.mkdir()
    (folder / "a.pdf").write_bytes(pdf(SALES, ["In the northern region we paid 1,496.5 for the roof."], STAFF))
    run("pages", "--data", folder, "--out", tmp_path / "out", "--pixels", 50_000, "--per-page", 9)
    candidates = {row.question: {one.page for one in row.candidates} for row in read_rows(tmp_path / "out")}
    assert 2 not in candidates["What is given for 2019 as: Northern region sales?"]
    assert 2 in candidates["What is given for 2018 as: Northern region sales?"]


def test_rows_of_pages_have_pictures_of_them_and_their_chains_verify(reports, tmp_path):
    out = tmp_path / "out"
    said = run("pages", "--data", reports, "--out", out, "--candidates", 4, "--pixels", 100_000, "--per-page", 3)
    run("chains", "--data", out)
    rows, chains = list(read_rows(out)), read_chains(out)
    assert f"{len(rows)} rows of 6 pages" in said
    assert len(rows) >= 6
    for row in rows:
        check(row, chains[row.id])
        assert chains[row.id].certain
        for candidate in row.candidates:
            with pillow.open(candidate.image.path) as picture:
                assert 80_000 < picture.width * picture.height <= 100_000
            assert Path(candidate.image.path).is_relative_to(out / "images")
            assert candidate.source in ("a.pdf", "b.pdf")
    north = [row for row in rows if "Northern" in row.question]
    assert {frozenset(row.relevant) for row in north} == {frozenset({"a.pdf#p1", "b.pdf#p2"})}
    assert str(reports) not in (out / "train.jsonl").read_text()


def test_examples_of_pages_show_their_pictures(reports, tmp_path):
    run("pages", "--data", reports, "--out", tmp_path / "out", "--pixels", 50_000)
    run("chains", "--data", tmp_path / "out")
    rows, chains = list(read_rows(tmp_path / "out")), read_chains(tmp_path / "out")
    for example in listwise_examples(rows, chains, view=View(words=20, images=True)):
        assert all(shown.image for shown in example.task.documents)
        assert not example.task.parse(example.target).faults
    assert all(one.task.document.image for one in pointwise_examples(rows, view=View(images=True)))


def test_the_same_pages_give_the_same_bytes(reports, tmp_path):
    for name in ("one", "two"):
        run("pages", "--data", reports, "--out", tmp_path / name, "--pixels", 50_000, "--order", "shuffled")
    one, two = (
        {path.name: path.read_bytes() for path in (tmp_path / name).rglob("*") if path.suffix in (".png", ".jsonl")}
        for name in ("one", "two")
    )
    assert one == two
    assert len(one) > 4


def test_what_nobody_can_see_on_a_page_is_neither_asked_about_nor_shown(tmp_path):
    folder = tmp_path / "reports"
    folder.mkdir()
    hidden = [(line, 3) for line in SALES]
    (folder / "a.pdf").write_bytes(pdf([*hidden, "A page about nothing."], STAFF, PROSE))
    run("pages", "--data", folder, "--out", tmp_path / "out", "--pixels", 50_000, "--per-page", 9)
    rows = list(read_rows(tmp_path / "out"))
    assert rows
    assert not any("Northern" in row.question for row in rows)
    assert not any("Northern" in one.text for row in rows for one in row.candidates)


def test_a_file_that_cannot_be_read_is_named_and_skipping_it_costs_no_other(reports, tmp_path):
    (reports / "broken.pdf").write_bytes(b"%PDF-1.7\nnothing")
    said = run("pages", "--data", reports, "--out", tmp_path / "out", code=3)
    assert f"{reports / 'broken.pdf'}: " in said
    assert not (tmp_path / "out").exists()
    said = run("pages", "--data", reports, "--out", tmp_path / "out", "--skip-bad", "--pixels", 50_000)
    assert "1 rejected" in said
    (rejected,) = (json.loads(line) for line in (tmp_path / "out/train.rejected.jsonl").read_text().splitlines())
    assert rejected["where"] == str(reports / "broken.pdf")
    assert len(list(read_rows(tmp_path / "out"))) >= 4


def test_a_folder_without_pages_is_named(tmp_path):
    (tmp_path / "notes.txt").write_text("words")
    said = run("pages", "--data", tmp_path, "--out", tmp_path / "o", code=2)
    assert "there is no page of a PDF and no picture" in said


@pytest.fixture
def teacher(tmp_path):
    made = []

    def make(mode):
        script = Path(__file__).with_name("fake_teacher.py")
        process = subprocess.Popen([sys.executable, script, mode, tmp_path / "log"], stdout=subprocess.PIPE, text=True)
        made.append(process)
        return f"http://127.0.0.1:{int(process.stdout.readline())}/v1"

    yield make
    for process in made:
        process.kill()
        process.wait()
        process.stdout.close()


def requests(tmp_path):
    return [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]


def test_a_teacher_asks_about_pages_that_it_sees_and_is_never_asked_twice(reports, tmp_path, teacher):
    out = tmp_path / "out"
    command = ["pages", "--data", reports, "--out", out, "--pixels", 50_000, "--teacher-model", "wise-1"]
    command += ["--teacher", teacher("asker")]
    run(*command)
    rows = list(read_rows(out))
    assert {row.question for row in rows} == {"When did the museum open its doors?"}
    assert [set(row.relevant) for row in rows] == [{"a.pdf#p4", "b.pdf#p1"}]
    asked_for = requests(tmp_path)
    assert all(one["images"] == 1 for one in asked_for)
    run(*command)
    assert requests(tmp_path) == asked_for


def test_questions_whose_answer_is_not_on_the_page_are_not_taken(reports, tmp_path, teacher):
    out = tmp_path / "out"
    run("pages", "--data", reports, "--out", out, "--teacher", teacher("liar"), "--teacher-model", "wise-1")
    assert list(read_rows(out)) == []
    entries = [json.loads(line) for line in (out / "train.pages.teacher.jsonl").read_text().splitlines()]
    assert len(entries) == 6
    assert all(one["rejected"] == "the answer does not stand on the page word for word" for one in entries)
