"""Files are there whole or not at all, and a full disk is said clearly."""

import json
import os
import resource
import signal
import subprocess
import sys
import time

import pytest
from rag_reasoner_train.errors import NotWritten
from rag_reasoner_train.written import replacing, write_json_lines, write_text
from small_rows import LINE, written

PROGRAM = "import sys; from rag_reasoner_train.cli import app; app(sys.argv[1:])"


def test_what_raises_in_the_middle_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "rows.jsonl"
    write_text(path, "old")

    def values():
        yield 1
        raise ValueError("in the middle")

    with pytest.raises(ValueError, match="in the middle"):
        write_json_lines(path, values())
    assert path.read_text() == "old"
    assert [one.name for one in tmp_path.iterdir()] == ["rows.jsonl"]


def test_who_reads_the_old_file_meanwhile_reads_it_to_its_end(tmp_path):
    path = tmp_path / "rows.jsonl"
    write_text(path, "old")
    with path.open() as reader:
        write_text(path, "new")
        assert reader.read() == "old"
    assert path.read_text() == "new"


def test_an_error_of_the_one_who_reads_is_not_taken_for_one_of_writing(tmp_path):
    with pytest.raises(FileNotFoundError), replacing(tmp_path / "x"):
        (tmp_path / "not there").read_text()


def test_where_nothing_may_be_written_the_file_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(NotWritten, match=r"x\.jsonl could not be written \(.*\); what was there before is untouched"):
        write_json_lines(tmp_path / "file" / "x.jsonl", [1])


def small_files():
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))


def test_a_full_disk_ends_with_one_clear_line_and_the_old_files(tmp_path):
    data = written(tmp_path / "data", [{**LINE, "id": str(n)} for n in range(500)])
    out = tmp_path / "out"
    out.mkdir()
    (out / "train.jsonl").write_text("old")
    command = [sys.executable, "-c", PROGRAM, "data", "rows", "--data", data, "--out", out]
    done = subprocess.run(command, preexec_fn=small_files, capture_output=True, text=True, check=False)
    assert done.returncode == 5
    assert done.stderr.count("\n") == 1
    assert f"{out / 'train.jsonl'} could not be written (File too large)" in done.stderr
    assert {one.name: one.read_text() for one in out.iterdir()} == {"train.jsonl": "old"}


def test_a_kill_at_any_moment_leaves_the_old_file_or_the_new_one(tmp_path):
    data = written(tmp_path / "data", [{**LINE, "id": str(n)} for n in range(300)])
    out = tmp_path / "out"
    command = [sys.executable, "-c", PROGRAM, "data", "rows", "--data", str(data), "--out", str(out)]
    subprocess.run(command, check=True, capture_output=True)
    whole = (out / "train.jsonl").read_bytes()
    killed = 0
    for wait in (0.0, 0.05, 0.2):
        run = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        while run.poll() is None and not any(one.name.startswith(".train.jsonl") for one in out.iterdir()):
            time.sleep(0.002)
        time.sleep(wait)
        if run.poll() is None:
            os.kill(run.pid, signal.SIGKILL)
            killed += 1
        run.wait()
        assert (out / "train.jsonl").read_bytes() == whole
    assert killed


def test_lines_are_plain_json_with_every_letter_as_it_is(tmp_path):
    write_json_lines(tmp_path / "x", [{"a": "é\u2028\n"}, {"b": 1}])
    lines = (tmp_path / "x").read_bytes().split(b"\n")
    assert [json.loads(line) for line in lines[:2]] == [{"a": "é\u2028\n"}, {"b": 1}]
    assert lines[0] == '{"a":"é\u2028\\n"}'.encode()
