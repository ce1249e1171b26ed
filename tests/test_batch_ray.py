"""Large files over a cluster: parts that are pure, and a real Ray of two workers, killed and begun again."""

import contextlib
import json
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from importlib.util import find_spec

import psutil
import pytest
import ray_runs

from rag_reasoner import ReasoningReranker
from rag_reasoner.batch.parts import Tries, alone, begin, left, parted, read_part, reranked, results
from rag_reasoner.batch.ray import Reranking, _check, rerank_file
from rag_reasoner.errors import InvalidInput, MissingExtra


def needs_ray(test):
    """A test of a real Ray, whose own warnings are its own."""
    missing = pytest.mark.skipif(find_spec("ray") is None, reason="needs the [ray] extra")
    return missing(pytest.mark.slow(pytest.mark.filterwarnings("ignore")(test)))


BAD = {
    5: b"{",
    11: b'{"id": "no candidates", "question": "Why?"}',
    12: b'{"id": "blank", "question": " ", "candidates": []}',
    13: b'\xff\xfe{"id": "bytes"}',
    21: b'{"id": "q", "question": "Why?", "candidates": [{"text": "no id"}]}',
}


def question(number):
    texts = (f"The museum {number} opened in {1900 + number}.", "Its river.", "A museum.")
    candidates = [{"id": str(place), "text": text, "shelf": place} for place, text in enumerate(texts)]
    return {"id": f"q{number}", "question": f"When did museum {number} open?", "candidates": candidates}


@pytest.fixture
def questions(tmp_path):
    """30 lines, five of them bad and one empty; ids may repeat, lines may end as they like."""
    lines = [BAD.get(number, json.dumps(question(number % 28)).encode()) for number in range(1, 31)]
    lines[7] = b""
    file = tmp_path / "questions.jsonl"
    file.write_bytes(b"\xef\xbb\xbf" + b"\n".join(lines))
    return file


def by_one_process(questions):
    """What one process makes of every line."""
    (part,) = parted(questions, 1000).parts
    made = reranked(read_part(questions, part), ReasoningReranker("lexical"), answer=False, at_once=8)
    return list(map(timeless, made))


def timeless(line):
    return {name: value for name, value in line.items() if name != "timings"}


def there(out):
    return list(map(timeless, results(out)))


def test_every_line_has_its_result_or_its_error_and_costs_no_other(questions):
    made = by_one_process(questions)
    assert [one["line"] for one in made] == [number for number in range(1, 31) if number != 8]
    assert [one["line"] for one in made if "error" in one] == sorted(BAD)
    for one in made:
        if "error" not in one:
            assert one["id"] == f"q{one['line'] % 28}"
            assert sorted(each["candidate"]["position"] for each in one["ranked"] + one["dropped"]) == [0, 1, 2]


def test_what_is_wrong_with_a_line_is_said_without_its_text(questions):
    said = {one["line"]: one["error"] for one in by_one_process(questions) if "error" in one}
    assert "candidates: Field required" in said[11]
    assert "empty" in said[12]
    assert "candidates: 0: id: Field required" in said[21]
    assert "no id" not in said[21]


@pytest.mark.parametrize("rows", [1, 4, 29, 30, 31])
def test_parts_cover_every_line_once(questions, rows):
    parts = parted(questions, rows).parts
    lines = [line for part in parts for line in read_part(questions, part)]
    (whole,) = parted(questions, 1000).parts
    assert lines == read_part(questions, whole)
    assert [part.rows for part in parts] == [len(read_part(questions, part)) for part in parts]


def test_a_question_that_cannot_be_asked_costs_no_question_asked_with_it(questions):
    class Choosy(ReasoningReranker):
        def rerank_many(self, asked, **options):
            asked = list(asked)
            if any("museum 3 " in query for query, _ in asked):
                raise InvalidInput("too long")
            return super().rerank_many(asked, **options)

    (part,) = parted(questions, 1000).parts
    made = reranked(read_part(questions, part), Choosy("lexical"), answer=True, at_once=8)
    assert [one["line"] for one in made if one.get("error") == "too long"] == [3]
    assert [one["line"] for one in made if "error" in one] == sorted([*BAD, 3])


def test_a_question_that_ends_its_worker_is_given_up_and_those_beside_it_are_not(questions):
    class Mortal(ReasoningReranker):
        def rerank_many(self, asked, **options):
            asked = list(asked)
            if any("museum 7 " in query for query, _ in asked):
                raise SystemExit
            return super().rerank_many(asked, **options)

    (part,), tries, deaths = parted(questions, 1000).parts, Tries(), 0
    lines = read_part(questions, part)
    while True:
        try:
            made = reranked(lines, Mortal("lexical"), answer=False, at_once=4, tries=tries)
            break
        except SystemExit:
            deaths += 1
            assert deaths <= 6, "three with those beside it, three alone"
    assert deaths == 6
    assert {one["line"]: one["error"] for one in made if "died" in one.get("error", "")}.keys() == {7}
    spared = [timeless(one) for one in made if one["line"] != 7]
    assert spared == [one for one in by_one_process(questions) if one["line"] != 7]


def test_only_whole_parts_are_left_alone(questions, tmp_path):
    parts = parted(questions, 4).parts
    worker = Reranking(lambda: ReasoningReranker("lexical"), str(questions), False, 8, Tries())
    (tmp_path / "out").mkdir()
    for part in parts:
        (tmp_path / "out" / part.name).write_bytes(worker._told(part)["content"])
    assert left(tmp_path / "out", parts) == []
    torn = tmp_path / "out" / parts[2].name
    torn.write_bytes(torn.read_bytes()[:-40])
    (tmp_path / "out" / parts[5].name).unlink()
    assert left(tmp_path / "out", parts) == [parts[2], parts[5]]


def test_a_folder_of_another_run_is_refused(questions, tmp_path):
    begin(tmp_path / "out", {"questions": "a"})
    begin(tmp_path / "out", {"questions": "a"})
    with pytest.raises(InvalidInput, match="another file"):
        begin(tmp_path / "out", {"questions": "b"})


def test_two_runs_never_write_into_one_folder(tmp_path):
    with alone(tmp_path), pytest.raises(InvalidInput, match="another run"), alone(tmp_path):
        pass
    with alone(tmp_path):
        pass


@pytest.mark.parametrize(("content", "said"), [(None, "No such file"), (b"", "is empty"), (b"\n\n", "is empty")])
def test_a_file_without_questions_says_so(tmp_path, content, said):
    if content is not None:
        (tmp_path / "q.jsonl").write_bytes(content)
    with pytest.raises(InvalidInput, match=said):
        parted(tmp_path / "q.jsonl", 4)


def test_what_travels_can_be_pickled():
    assert pickle.loads(pickle.dumps(Reranking)) is Reranking


def test_without_ray_the_extra_is_named(questions, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray.data", None)
    with pytest.raises(MissingExtra, match=r"rag-reasoner\[ray\]"):
        rerank_file(questions, tmp_path / "out", ReasoningReranker)


def test_workers_that_do_not_fit_are_refused():
    _check(2, 2, 1)
    with pytest.raises(InvalidInput, match="3 workers of 1 CPUs"):
        _check(2, 3, 1)


@pytest.fixture(scope="module")
def ray():
    import ray

    ray_runs.started()
    yield ray
    ray.shutdown()


@pytest.fixture
def marks(tmp_path):
    (tmp_path / "marks").mkdir()
    return tmp_path / "marks"


@needs_ray
def test_a_killed_worker_costs_nothing_and_doubles_nothing(ray, questions, marks, tmp_path):
    killed = []
    killer = threading.Thread(target=lambda: killed.append(kill_one(marks)), daemon=True)
    killer.start()
    made = ray_runs.rerank(questions, tmp_path / "out", marks)
    killer.join()
    assert there(tmp_path / "out") == by_one_process(questions)
    assert (made.results, made.errors, made.parts_there) == (24, 5, 0)
    assert killed[0] in workers_of(marks)
    assert len(workers_of(marks)) == 3  # two, and the one in the killed one's place


@needs_ray
def test_a_question_that_kills_its_worker_each_time_costs_itself_only(ray, questions, marks, tmp_path):
    lines = questions.read_bytes().split(b"\n")
    lines[19] = json.dumps({**question(20), "question": "A deadly question?"}).encode()
    questions.write_bytes(b"\n".join(lines))
    made = ray_runs.rerank(questions, tmp_path / "out", marks, at_once=2)
    said = {one["line"]: one["error"] for one in results(tmp_path / "out") if "error" in one}
    assert "died 3 times" in said.pop(20)
    assert (sorted(said), made.errors) == (sorted(BAD), 6)
    spared = [one for one in there(tmp_path / "out") if one["line"] != 20]
    assert spared == [one for one in by_one_process(questions) if one["line"] != 20]


@needs_ray
def test_the_same_call_does_only_what_is_left(ray, questions, marks, tmp_path):
    ray_runs.rerank(questions, tmp_path / "out", marks)
    before = len(list(marks.iterdir()))
    again = ray_runs.rerank(questions, tmp_path / "out", marks)
    assert (again.results, again.errors, again.parts_there) == (0, 0, 8)
    next((tmp_path / "out").glob("part-*3.jsonl")).unlink()
    once_more = ray_runs.rerank(questions, tmp_path / "out", marks)
    assert (once_more.results + once_more.errors, once_more.parts_there) == (4, 7)
    assert len(list(marks.iterdir())) - before <= 4
    assert there(tmp_path / "out") == by_one_process(questions)


@needs_ray
def test_a_driver_that_was_killed_goes_on_where_it_was(questions, marks, tmp_path):
    out = tmp_path / "out"
    command = [sys.executable, ray_runs.__file__, str(questions), str(out), str(marks)]
    driver = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait(lambda: len(list(out.glob("part-*.jsonl"))) >= 2, driver)
    family = psutil.Process(driver.pid).children(recursive=True)
    driver.kill()
    driver.wait()
    for one in family:  # what has not gone with its driver
        with contextlib.suppress(psutil.NoSuchProcess):
            one.kill()
    psutil.wait_procs(family, 30)
    survived = {file.name: file.read_bytes() for file in out.glob("part-*.jsonl")}
    assert 2 <= len(survived) < 8
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=300)
    assert there(out) == by_one_process(questions)
    assert {name: (out / name).read_bytes() for name in survived} == survived


def workers_of(marks):
    return {int(mark.name.split("-")[0]) for mark in marks.iterdir()}


def kill_one(marks):
    """Kill a worker once both have worked; its process id."""
    wait(lambda: len(workers_of(marks)) == 2 and len(list(marks.iterdir())) > 4)
    (newest, *_) = sorted(marks.iterdir(), key=lambda mark: -int(mark.name.split("-")[1]))
    victim = int(newest.name.split("-")[0])
    os.kill(victim, signal.SIGKILL)
    return victim


def wait(until, running=None):
    for _ in range(2400):
        if until():
            return
        assert running is None or running.poll() is None, "the driver ended before it was to be killed"
        time.sleep(0.05)
    raise AssertionError("it never happened")
