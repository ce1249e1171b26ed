"""`rag-reasoner-train data`: the commands as a person types them."""

import json

import pytest
from PIL import Image as pillow
from rag_reasoner_train.chains.check import check
from rag_reasoner_train.chains.files import read_chains
from rag_reasoner_train.cli import app
from rag_reasoner_train.rows.reading import read_rows
from small_rows import LINE, written
from typer.testing import CliRunner


def run(*arguments, code=0):
    done = CliRunner().invoke(app, ["data", *map(str, arguments)])
    assert done.exit_code == code, done.output
    return done.output


def prepared(sample, out, *options):
    run("rows", "--data", sample, "--out", out, *options)
    run("chains", "--data", out)
    return out


def test_rows_and_chains_of_the_sample_are_made_and_fit_each_other(sample, tmp_path):
    prepared(sample, tmp_path / "out", "--candidates", 4, "--mine", 2, "--unanswerable", "0.2")
    chains = read_chains(tmp_path / "out")
    rows = list(read_rows(tmp_path / "out"))
    assert len(rows) == len(chains) > 48
    for row in rows:
        check(row, chains[row.id])
        assert len(row.candidates) == max(4, len(row.relevant))


def test_without_a_command_rows_and_chains_of_all_splits_are_made_in_one_go(sample, tmp_path):
    options = ["--candidates", 4, "--unanswerable", 0.1, "--split", "train", "--split", "dev"]
    run("--data", sample, "--out", tmp_path / "out", *options)
    steps = prepared(sample, tmp_path / "steps", *options[:4])
    for name in ("train.jsonl", "train.chains.jsonl"):
        assert (tmp_path / "out" / name).read_bytes() == (steps / name).read_bytes()
    assert set(read_chains(tmp_path / "out", "dev")) == {row.id for row in read_rows(tmp_path / "out", "dev")}


def test_without_data_or_out_it_says_what_is_missing(sample):
    assert "give --data and --out" in run("--data", sample, code=2)


def test_the_same_command_writes_the_same_bytes_and_another_seed_others(sample, tmp_path):
    options = ["--candidates", 4, "--mine", 2, "--unanswerable", 0.2, "--order", "shuffled", "--sample", 30]
    folders = [prepared(sample, tmp_path / name, *options) for name in ("one", "two")]
    other = prepared(sample, tmp_path / "other", *options, "--seed", 1)
    for name in ("train.jsonl", "train.chains.jsonl", "train.chains.rejected.jsonl"):
        assert (folders[0] / name).read_bytes() == (folders[1] / name).read_bytes()
    assert (folders[0] / "train.jsonl").read_bytes() != (other / "train.jsonl").read_bytes()


def test_the_card_tells_counts_lengths_licences_seed_and_command(sample, tmp_path, monkeypatch):
    monkeypatch.setattr("sys.argv", ["rag-reasoner-train", "data", "rows", "--data", "my rows"])
    run("rows", "--data", sample, "--out", tmp_path, "--unanswerable", 0.2, "--seed", 7, "--licence", "mine: CC0")
    card = (tmp_path / "train.card.md").read_text()
    rows = list(read_rows(tmp_path))
    assert f"| rows | {len(rows)} |" in card
    assert "| seed | 7 |" in card
    assert "`rag-reasoner-train data rows --data 'my rows'`" in card
    assert "- mine: CC0" in card
    assert "CC BY-SA 4.0" in card  # from the sample's own file
    for name in ("squad", "ottqa", "tatqa"):
        of_set = [row for row in rows if row.extra["set"] == name]
        assert f"| {name} | {len(of_set)} | {sum(not row.answerable for row in of_set)} |" in card


def test_a_bad_row_ends_the_command_with_one_line_and_writes_nothing(tmp_path):
    data = written(tmp_path / "data", [LINE, {**LINE, "id": "r2", "relevant": ["x"]}])
    said = run("rows", "--data", data, "--out", tmp_path / "out", code=2)
    assert said.strip() == (
        f"error: {data / 'train.jsonl'}, line 2 (row 'r2'): relevant id 'x' is not among the candidates"
    )
    assert not (tmp_path / "out").exists()


def test_skipping_bad_rows_keeps_all_others_and_says_why(tmp_path):
    data = written(tmp_path / "data", [LINE, {**LINE, "id": "r2", "answers": [""]}, "{", {**LINE, "id": "r3"}])
    said = run("rows", "--data", data, "--out", tmp_path / "out", "--skip-bad", "--mine", 1, "--sample", 10)
    assert "2 rows written" in said
    assert "2 rejected" in said
    found = [json.loads(line) for line in (tmp_path / "out/train.rejected.jsonl").read_text().splitlines()]
    assert [(one["where"], one["id"]) for one in found] == [
        (f"{data / 'train.jsonl'}, line 2", "r2"),
        (f"{data / 'train.jsonl'}, line 3", ""),
    ]
    assert [row.id for row in read_rows(tmp_path / "out")] == ["r1", "r3"]
    assert "| rejected | 2 |" in (tmp_path / "out/train.card.md").read_text()


def test_where_no_row_is_left_the_files_are_empty_and_the_card_says_so(tmp_path):
    data = written(tmp_path / "data", ["{"])
    options = ["--skip-bad", "--mine", 2, "--sample", 5, "--unanswerable", 0.5]
    assert "0 rows written" in run("rows", "--data", data, "--out", tmp_path / "out", *options)
    run("chains", "--data", tmp_path / "out")
    assert (tmp_path / "out/train.chains.jsonl").read_bytes() == b""
    assert "There is no row." in (tmp_path / "out/train.card.md").read_text()


def test_images_come_along_and_are_read_from_where_the_rows_are(tmp_path):
    line = {**LINE, "candidates": [{**one, "image": f"pages/{one['id']}.png"} for one in LINE["candidates"]]}
    data = written(tmp_path / "data", [line, {**line, "id": "r2"}])
    (data / "pages").mkdir()
    for number, name in enumerate("abc"):
        pillow.new("RGB", (600 * (number + 1), 500)).save(data / f"pages/{name}.png")
    prepared(data, tmp_path / "out")
    rows = list(read_rows(tmp_path / "out"))
    assert all(one.image.path.startswith(str(tmp_path / "out/images")) for row in rows for one in row.candidates)
    assert len(list((tmp_path / "out/images").iterdir())) == 3
    assert "| up to 1 | 2 |" in (tmp_path / "out/train.card.md").read_text()


@pytest.mark.parametrize("command", [["rows"], ["alone"], ["filtered", "--judge", "lexical"]])
def test_rows_are_never_written_over_themselves(sample, tmp_path, command):
    data = written(tmp_path / "data", [LINE])
    before = (data / "train.jsonl").read_bytes()
    assert "is the folder of the rows themselves" in run(*command, "--data", data, "--out", data, code=2)
    assert (data / "train.jsonl").read_bytes() == before


def test_rows_without_a_chain_are_named_and_cost_no_other(tmp_path):
    wordless = {**LINE, "id": "r2", "candidates": [{"id": "b", "text": "?!"}]}
    data = written(tmp_path / "data", [LINE, wordless])
    assert "1 rows have no chain" in run("chains", "--data", data)
    assert list(read_chains(data)) == ["r1"]
    (rejected,) = (json.loads(line) for line in (data / "train.chains.rejected.jsonl").read_text().splitlines())
    assert rejected == {"id": "r2", "reason": "document 'b' is relevant, but has no words to quote", "reply": ""}


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["rows", "--data", "nowhere", "--out", "out"], "nowhere is not a folder"),
        (["chains", "--data", "nowhere"], "nowhere/train.jsonl is missing"),
        (["chains", "--data", "nowhere", "--teacher", "http://127.0.0.1:1/v1"], "both --teacher"),
        (["pages", "--data", "nowhere", "--out", "out"], "nowhere is not a folder"),
    ],
)
def test_what_is_missing_is_named_with_code_2(tmp_path, monkeypatch, arguments, reason):
    monkeypatch.chdir(tmp_path)
    assert reason in run(*arguments, code=2)
    assert not list(tmp_path.iterdir())
