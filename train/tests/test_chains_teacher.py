"""A teacher's chains: checked before they are kept, and never asked for twice, whatever is killed meanwhile."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image as pillow
from rag_reasoner_train.chains.check import check
from rag_reasoner_train.chains.files import read_chains
from rag_reasoner_train.chains.taught.run import Asking, build_taught_chains
from rag_reasoner_train.rows.reading import read_rows
from rag_reasoner_train.teacher.client import KEY, Endpoint
from small_rows import LINE, written

from rag_reasoner.errors import BackendError, InvalidInput

ROWS = 6
CALLS = ROWS * 4  # three notes and the chain
SECRET = "sk-never-to-be-seen"


class FakeTeacher:
    """The server's process, where it is, and what it was asked."""

    def __init__(self, mode, folder):
        self.log = folder / "requests.jsonl"
        script = Path(__file__).with_name("fake_teacher.py")
        self.process = subprocess.Popen([sys.executable, script, mode, self.log], stdout=subprocess.PIPE, text=True)
        self.url = f"http://127.0.0.1:{int(self.process.stdout.readline())}/v1"

    @property
    def requests(self):
        return [json.loads(line) for line in self.log.read_text().splitlines()] if self.log.exists() else []

    def close(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


@pytest.fixture
def teacher(tmp_path):
    made = []

    def make(mode="good"):
        made.append(FakeTeacher(mode, tmp_path))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def data(tmp_path):
    return written(
        tmp_path / "data", [{**LINE, "id": f"r{n}", "question": f"{LINE['question']} ({n})"} for n in range(ROWS)]
    )


def endpoint(server, **changes):
    return Endpoint(server.url, "wise-1", **{"first_wait": 0.0, **changes})


def taught(folder, server, attempts=3, images=False, patience=30, concurrency=8):
    asked = endpoint(server, attempts=patience, concurrency=concurrency)
    return build_taught_chains(folder, folder, "train", Asking(asked, attempts, images))


def rejected(folder):
    return [json.loads(line) for line in (folder / "train.chains.rejected.jsonl").read_text().splitlines()]


@pytest.mark.parametrize("mode", ["good", "thinker", "learner", "flaky"])
def test_a_teacher_that_can_be_understood_gives_a_chain_for_every_row(data, teacher, mode):
    server = teacher(mode)
    built = taught(data, server)
    assert (built.chains, built.certain, built.rejected) == (ROWS, ROWS, [])
    chains = read_chains(data)
    for row in read_rows(data):
        check(row, chains[row.id])
        assert chains[row.id].made_by == "wise-1"
        assert chains[row.id].answer == "1962"
        assert "opened its doors in 1962" in chains[row.id].sayings["b"].quote
    assert {one["path"] for one in server.requests} == {"/v1/chat/completions"}


def test_unanswerable_rows_are_taught_too(tmp_path, teacher):
    line = {**LINE, "answers": [], "relevant": [], "candidates": [LINE["candidates"][0], LINE["candidates"][2]]}
    data = written(tmp_path / "data", [line])
    taught(data, teacher())
    chain = read_chains(data)["r1"]
    assert (chain.answer, chain.certain) == (None, True)


@pytest.mark.parametrize(
    ("mode", "reason"),
    [
        ("blind", "does help to arrive"),
        ("inventor", "unverified_quote"),
        ("pointer", "names a document by its number"),
        ("backwards", "is ranked before one that does"),
        ("mistaken", "not in the words of the right answer"),
    ],
)
def test_what_disagrees_or_is_invented_is_rejected_and_kept_with_the_reason(data, teacher, mode, reason):
    server = teacher(mode)
    built = taught(data, server, attempts=2)
    assert built.chains == 0
    found = rejected(data)
    assert [one["id"] for one in found] == [f"r{n}" for n in range(ROWS)]
    assert all(reason in one["reason"] for one in found)
    assert all(one["reply"] for one in found)
    assert any(one["notes"] for one in server.requests) is (
        mode in ("backwards", "mistaken")
    )  # the others fail on the notes


def test_answers_that_are_worked_out_are_not_taught_though_a_quote_holds_them(tmp_path, teacher):
    data = written(tmp_path / "data", [{**LINE, "derivation": "1960 + 2"}])
    taught(data, teacher())
    chain = read_chains(data)["r1"]
    assert (chain.answer, chain.certain) == (None, False)


def test_what_was_wrong_is_told_and_asked_again_only_so_often(data, teacher):
    server = teacher("blind")
    taught(data, server, concurrency=1, attempts=3)
    turns = [one["turns"] for one in server.requests]
    assert (max(turns), turns.count(4)) == (4, 2 * ROWS)  # the last reply and what was wrong with it, twice a row


def test_a_second_run_asks_nothing_and_writes_the_same(data, teacher):
    server = teacher()
    taught(data, server)
    first = (data / "train.chains.jsonl").read_bytes()
    taught(data, server)
    assert len(server.requests) == CALLS
    assert (data / "train.chains.jsonl").read_bytes() == first


def test_a_changed_row_or_another_teacher_is_asked_about_anew(data, teacher):
    server = teacher()
    taught(data, server)
    lines = (data / "train.jsonl").read_text().splitlines()
    written(data, [lines[0].replace("Basalt", "Granite"), *lines[1:]])
    taught(data, server)
    assert len(server.requests) == CALLS + 4
    build_taught_chains(data, data, "train", Asking(replace(endpoint(server), model="wise-2")))
    assert len(server.requests) == 2 * CALLS + 4


def command(data, server):
    arguments = ["data", "chains", "--data", data, "--teacher", server.url, "--teacher-model", "wise-1"]
    program = "import sys; from rag_reasoner_train.cli import app; app(sys.argv[1:])"
    return [sys.executable, "-c", program, *map(str, arguments), "--concurrency", "2"]


def test_a_run_killed_at_any_place_goes_on_where_it_was(tmp_path, data, teacher):
    whole = written(tmp_path / "whole", (data / "train.jsonl").read_text().splitlines())
    server = teacher("slow")
    taught(whole, server)
    kills = 0
    environment = {**os.environ, KEY: SECRET}
    for kept in (2, 9, 16):
        run = subprocess.Popen(command(data, server), env=environment, stdout=subprocess.DEVNULL)
        journal = data / "train.teacher.jsonl"
        while run.poll() is None and (not journal.exists() or journal.read_bytes().count(b"\n") < kept):
            time.sleep(0.002)
        if run.poll() is None:
            run.send_signal(signal.SIGKILL)
            kills += 1
        run.wait()
        with journal.open("ab") as file:
            file.write(b'{"key": "torn in the mid')
    assert kills
    asked = len(server.requests)
    done = subprocess.run(command(data, server), env=environment, capture_output=True, text=True, check=True)
    assert f"{ROWS} chains written" in done.stdout
    assert (data / "train.chains.jsonl").read_bytes() == (whole / "train.chains.jsonl").read_bytes()
    assert len(server.requests) <= 2 * CALLS + kills * 2  # no more than what was on its way at a kill is asked twice
    assert len(server.requests) - asked < CALLS
    for path in data.iterdir():
        assert SECRET not in path.read_text()


def test_the_key_comes_from_the_environment_and_is_shown_nowhere(data, teacher, monkeypatch):
    monkeypatch.setenv(KEY, SECRET)
    server = teacher("unauthorized")
    with pytest.raises(BackendError, match="answered 401: wrong key Bearer …") as raised:
        taught(data, server)
    assert {one["key"] for one in server.requests} == {f"Bearer {SECRET}"}
    assert SECRET not in f"{raised.value!r} {endpoint(server)!r}"


def test_a_teacher_that_goes_away_ends_the_run_and_loses_nothing(data, teacher):
    server = teacher()
    lines = (data / "train.jsonl").read_text().splitlines()
    written(data, lines[:2])
    taught(data, server)
    chains = (data / "train.chains.jsonl").read_bytes()
    server.close()
    written(data, lines)
    with pytest.raises(BackendError, match=r"the teacher 127\.0\.0\.1 could not be asked"):
        taught(data, server, patience=2)
    assert (data / "train.chains.jsonl").read_bytes() == chains


def test_a_server_that_is_no_teacher_ends_the_run(data, teacher):
    with pytest.raises(BackendError, match="no chat completion"):
        taught(data, teacher("html"), patience=2)


def test_a_refused_row_is_rejected_but_refusing_everything_ends_the_run(data, teacher):
    with pytest.raises(BackendError, match="answered 400: too long; so it went 5 times"):
        taught(data, teacher("refusing"), concurrency=1)


@pytest.mark.parametrize("url", ["ftp://host/v1", "host/v1", "", "http://user:password@host/v1"])
def test_addresses_that_cannot_be_used_are_refused_without_being_repeated(url):
    with pytest.raises(InvalidInput) as raised:
        Endpoint(url, "wise-1")
    assert "password@" not in str(raised.value)


def test_images_are_shown_where_they_are_asked_for(tmp_path, teacher):
    line = {**LINE, "candidates": [{**LINE["candidates"][1], "image": "p.png"}]}
    data = written(tmp_path / "data", [line])
    pillow.new("RGB", (9, 9)).save(data / "p.png")
    server = teacher()
    taught(data, server, images=True)
    assert [one["images"] for one in server.requests] == [1, 1]
    assert read_chains(data)["r1"].certain
