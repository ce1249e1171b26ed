"""eval, compare and calibrate as a person types them."""

import io
import json
from pathlib import Path

import pypdfium2
import pytest
from benchmark_folders import FOLDERS, mmdocir, own
from typer.testing import CliRunner

from rag_reasoner.cli import app
from rag_reasoner.evaluate.benchmarks import BENCHMARKS
from rag_reasoner.evaluate.calibrate import calibrate
from rag_reasoner.evaluate.folder import read_run
from rag_reasoner.models.adapter_card import read_card

PDF = sorted((Path(__file__).parent.parent / "examples" / "pdfs").glob("*.pdf"))[0]


def typed(*words):
    return CliRunner().invoke(app, list(map(str, words)))


def printed(*words):
    result = typed(*words)
    assert result.exit_code == 0, result.output
    return result.stdout


def lexical(name, data, out, *more):
    return printed("eval", name, "--data", data, "--out", out, "--model", "lexical", *more)


def records(out):
    return [json.loads(line) for line in (out / "records.jsonl").read_text().splitlines()]


def test_there_is_a_folder_for_every_benchmark():
    assert set(FOLDERS) == set(BENCHMARKS)


@pytest.mark.parametrize("name", FOLDERS)
def test_every_benchmark_runs_from_the_command_line(name, tmp_path):
    text = lexical(name, FOLDERS[name](tmp_path / "data"), tmp_path / "out")
    assert text.startswith(f"# {BENCHMARKS[name].title}, {BENCHMARKS[name].split}: n = ")
    assert f"| {BENCHMARKS[name].leading[0]} | " in text
    assert records(tmp_path / "out")


def drawn_pages(count=2):
    """Real pages as JPEG, as MMDocIR has them."""
    with pypdfium2.PdfDocument(PDF) as pdf:
        for number in range(count):
            buffer = io.BytesIO()
            pdf[number].render(scale=1).to_pil().convert("RGB").save(buffer, "JPEG")
            yield buffer.getvalue()


def test_mmdocir_with_real_pages_runs_and_finds_the_page(tmp_path):
    text = lexical("mmdocir", mmdocir(tmp_path / "data", list(drawn_pages())), tmp_path / "out")
    assert "| page recall@3 | 1.000 | 2 |" in text
    found, _ = records(tmp_path / "out")
    assert found["order"][0] == "second.pdf#p2"
    assert "image_unread" not in found["faults"]


def test_a_sample_a_table_and_plots_are_what_was_asked_for(tmp_path):
    data, out = own(tmp_path / "data"), tmp_path / "out"
    text = lexical("jsonl", data, out, "--sample", 7, "--table", tmp_path / "t.md", "--plots", tmp_path / "plots")
    assert "n = 7" in text
    assert (tmp_path / "t.md").read_text("utf-8") == text
    assert {path.name for path in (tmp_path / "plots").iterdir()} == {"recall.png", "scores.png", "calibration.png"}
    assert len(records(out)) == 7
    more = lexical("jsonl", data, tmp_path / "more", "--sample", 9)
    assert "n = 9" in more
    assert {one["id"] for one in records(out)} < {one["id"] for one in records(tmp_path / "more")}


def test_the_first_stage_alone_needs_no_model(tmp_path):
    data = own(tmp_path / "data")
    printed(
        "eval", "jsonl", "--data", data, "--out", tmp_path / "out", "--no-filter", "--no-rank", "--first-stage", "given"
    )
    assert all(one["order"][0] == "wrong" and one["calls"] == 0 for one in records(tmp_path / "out"))


def test_runs_are_compared_and_the_table_written(tmp_path):
    data = own(tmp_path / "data")
    lexical("jsonl", data, tmp_path / "full")
    lexical("jsonl", data, tmp_path / "random", "--first-stage", "random", "--no-filter", "--no-rank")
    text = printed("compare", tmp_path / "random", tmp_path / "full", "--figure", "mrr", "--table", tmp_path / "t.md")
    assert "| mrr | random | full | 19 |" in text
    assert (tmp_path / "t.md").read_text("utf-8") == text


def test_calibrate_tells_what_it_would_do_and_stores_it_where_asked(tmp_path):
    lexical("jsonl", own(tmp_path / "data"), tmp_path / "run")
    text = printed("calibrate", tmp_path / "run", "--method", "platt")
    assert text.startswith("80 pairs, 19 of them relevant\ncalibration error in 10 bins: ")
    judged_by(tmp_path / "run", tmp_path / "mine")
    card = tmp_path / "mine" / "card.json"
    card.write_text('{"format_version": 1, "base_hash": "abc"}')
    assert "stored in" in printed("calibrate", tmp_path / "run", "--adapter", tmp_path / "mine")
    assert (
        read_card(tmp_path / "mine").calibration
        == calibrate(read_run(tmp_path / "run").records, "isotonic").calibration
    )
    refused = typed("calibrate", tmp_path / "run", "--adapter", tmp_path / "mine")
    assert (refused.exit_code, "--replace" in refused.stderr) == (2, True)


def judged_by(run, adapter):
    """Let the run be one of that adapter, which this machine need not load for it."""
    adapter.mkdir()
    header = json.loads((run / "run.json").read_text())
    header["what"]["setting"]["model"] = str(adapter)
    (run / "run.json").write_text(json.dumps(header))


def test_the_calibration_of_another_model_is_not_stored(tmp_path):
    lexical("jsonl", own(tmp_path / "data"), tmp_path / "run")
    (tmp_path / "card.json").write_text('{"format_version": 1, "base_hash": "abc"}')
    refused = typed("calibrate", tmp_path / "run", "--adapter", tmp_path)
    assert (refused.exit_code, "was judged by lexical" in refused.stderr) == (2, True)
    assert read_card(tmp_path).calibration is None


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("eval", "nothing", "--data", "DATA", "--out", "OUT"), "benchmark: unknown 'nothing'; choose from 'jsonl'"),
        (("eval", "jsonl", "--data", "OUT", "--out", "OUT"), "dev.jsonl is missing"),
        (("eval", "jsonl", "--data", "DATA", "--out", "OUT", "--split", "test"), "test.jsonl is missing"),
        (("eval", "jsonl", "--data", "DATA", "--out", "OUT", "--keep", "some"), "--keep some"),
        (("compare", "OUT", "OUT"), "holds no run"),
        (("calibrate", "OUT"), "holds no run"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2_and_leaves_no_run(words, complaint, tmp_path):
    data, out = own(tmp_path / "data"), tmp_path / "out"
    result = typed(*({"DATA": data, "OUT": out}.get(word, word) for word in words))
    assert result.exit_code == 2
    assert complaint in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
    assert not out.exists()


def test_another_setting_in_the_same_folder_is_refused(tmp_path):
    data, out = own(tmp_path / "data"), tmp_path / "out"
    lexical("jsonl", data, out)
    result = typed("eval", "jsonl", "--data", data, "--out", out, "--model", "lexical", "--no-filter")
    assert result.exit_code == 2
    assert "holds a run with another filter" in result.stderr


def test_a_split_without_questions_says_so(tmp_path):
    data = own(tmp_path / "data", 0)
    result = typed("eval", "jsonl", "--data", data, "--out", tmp_path / "out")
    assert result.exit_code == 2
    assert "has no question of the split 'dev'" in result.stderr
