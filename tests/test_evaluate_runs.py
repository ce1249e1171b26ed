"""Runs: killed and resumed they are the same; what they hold is what was asked."""

import json
import random
import signal
import subprocess
import sys
import time

import pytest
from benchmark_folders import own, own_rows, write_lines

from rag_reasoner import Document, ReasoningReranker
from rag_reasoner.errors import BackendError, InvalidInput
from rag_reasoner.evaluate.benchmarks import benchmark
from rag_reasoner.evaluate.folder import COSTS, RECORDS, begin, costs, header, read_run, records
from rag_reasoner.evaluate.lines import Lines, whole_lines
from rag_reasoner.evaluate.record import UNASKED, Sources, record
from rag_reasoner.evaluate.row import Row
from rag_reasoner.evaluate.run import run
from rag_reasoner.evaluate.sample import all_ids, rows
from rag_reasoner.evaluate.setting import Setting

LEXICAL = Setting(model="lexical")


def asked(data, out, setting=LEXICAL, wanted=None):
    """Run all questions of `data`, or those wanted, into `out`."""
    load = benchmark("jsonl").load
    ids = frozenset(all_ids(load, data, "dev")) if wanted is None else frozenset(wanted)
    begin(out, header("jsonl", "dev", ids, setting, None, "a test"))
    left = ids - {one.id for one in records(out)}
    run(rows(load, data, "dev", left), setting, setting.reranker(data), out)
    return read_run(out)


def command(*words):
    return [sys.executable, "-c", "from rag_reasoner.cli import app; app()", *map(str, words)]


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
def test_killed_at_random_moments_and_resumed_it_writes_the_same_bytes(tmp_path, seed):
    data = own(tmp_path / "data", 400)
    words = command("eval", "jsonl", "--data", data, "--model", "lexical", "--out")
    subprocess.run([*words, tmp_path / "unbroken"], check=True, capture_output=True)
    chance, broken, kills = random.Random(seed), tmp_path / "broken", 0
    for _ in range(3):
        process = subprocess.Popen([*words, broken], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        enough = len(list(whole_lines(broken / RECORDS))) + chance.randint(1, 100)
        while process.poll() is None and len(list(whole_lines(broken / RECORDS))) < enough:
            time.sleep(0.001)
        process.send_signal(signal.SIGKILL)
        kills += process.wait() == -signal.SIGKILL
    subprocess.run([*words, broken], check=True, capture_output=True)
    assert kills
    assert (broken / RECORDS).read_bytes() == (tmp_path / "unbroken" / RECORDS).read_bytes()


def test_a_line_torn_by_a_kill_is_written_anew(tmp_path):
    data, whole = own(tmp_path / "data"), tmp_path / "whole"
    asked(data, whole)
    bytes_of_whole = (whole / RECORDS).read_bytes()
    for cut in (1, len(bytes_of_whole) // 3, len(bytes_of_whole) - 1):
        part = tmp_path / f"cut{cut}"
        begin(part, read_run(whole).header)
        (part / RECORDS).write_bytes(bytes_of_whole[:cut])
        asked(data, part)
        assert (part / RECORDS).read_bytes() == bytes_of_whole


def test_a_finished_run_asks_nothing_more(tmp_path):
    data, out = own(tmp_path / "data"), tmp_path / "out"
    asked(data, out)
    before = [(out / name).read_bytes() for name in (RECORDS, COSTS)]
    asked(data, out)
    assert [(out / name).read_bytes() for name in (RECORDS, COSTS)] == before


@pytest.mark.parametrize(
    ("setting", "wanted", "named"),
    [
        (Setting(model="lexical", seed=1), None, "seed"),
        (Setting(model="lexical", first_stage="random"), None, "first_stage"),
        (Setting(model="lexical", sources=Sources("probability")), None, "by"),
        (LEXICAL, ["q1"], "questions"),
    ],
)
def test_a_folder_is_never_shared_by_two_runs(tmp_path, setting, wanted, named):
    data, out = own(tmp_path / "data"), tmp_path / "out"
    asked(data, out)
    with pytest.raises(InvalidInput, match=f"holds a run with another {named}: give another"):
        asked(data, out, setting, wanted)


def test_a_damaged_record_is_named_with_its_line(tmp_path):
    data, out = own(tmp_path / "data"), tmp_path / "out"
    asked(data, out)
    path = out / RECORDS
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join([lines[0], '{"id": 3}\n', *lines[2:]]))
    with pytest.raises(InvalidInput, match=r"records\.jsonl, line 2 is no record"):
        read_run(out)


@pytest.mark.parametrize("content", [None, "", "{}", "[]", "3"])
def test_a_folder_without_a_run_says_so(tmp_path, content):
    if content is not None:
        (tmp_path / "run.json").write_text(content)
    with pytest.raises(InvalidInput, match="holds no run"):
        read_run(tmp_path)


def test_a_record_holds_every_candidate_the_costs_every_stage(tmp_path):
    found = asked(own(tmp_path / "data"), tmp_path / "out")
    first = found.records[0]
    assert set(first.order) == {"wrong", "near", "right", "far"} == set(first.probabilities)
    assert first.order[0] == "right"
    assert first.sources == first.cited == ("right",)
    assert first.answer == "On farm 0 there live 3 ants."
    assert (first.calls, first.degraded) == (5, False)
    cost = costs(tmp_path / "out")["q0"]
    assert {"retrieve", "filter", "answer"} <= set(cost.seconds)
    assert cost.memory["process"] > 10


def test_a_question_that_cannot_be_asked_scores_0_and_the_run_goes_on(tmp_path):
    first, second, *_ = own_rows()
    write_lines(tmp_path / "data" / "dev.jsonl", [{**first, "question": " "}, second])
    empty, other = asked(tmp_path / "data", tmp_path / "out").records
    assert (empty.order, empty.answer, empty.faults) == ((), "", (UNASKED,))
    assert benchmark("jsonl").figures["mrr"](empty) == 0.0
    assert benchmark("jsonl").figures["answer F1"](empty) == 0.0
    assert other.order[0] == "right"


def test_a_model_that_cannot_be_asked_ends_the_run_and_becomes_no_figure(tmp_path):
    class Broken:
        card = ReasoningReranker("lexical")._settings.judge.card

        def count(self, messages):
            return 1

        def judge(self, tasks):
            raise BackendError("the server is gone")

        async def ajudge(self, tasks):
            return self.judge(tasks)

    setting = Setting(model=Broken(), rank=False)
    load = benchmark("jsonl").load
    data = own(tmp_path / "data")
    begin(tmp_path / "out", header("jsonl", "dev", ["q1"], LEXICAL, None, ""))
    with pytest.raises(BackendError, match="the server is gone"):
        run(rows(load, data, "dev", ["q1"]), setting, setting.reranker(data), tmp_path / "out")
    assert records(tmp_path / "out") == ()


ROW = Row("r", "which cat?", tuple(Document(one, f"a {one}") for one in ("dog", "cat", "cow", "hen")), {"cat": 1.0})


def test_the_first_stage_orders_and_cuts_the_rows_own_candidates():
    def ids(**options):
        return [one.document.id for one in Setting(**options).candidates(ROW)]

    assert ids(first_stage="given") == ["dog", "cat", "cow", "hen"]
    assert ids(first_stage="lexical")[0] == "cat"
    assert ids(first_stage="lexical", fetch_k=1) == ["cat"]
    assert ids(first_stage="random", seed=3) == ids(first_stage="random", seed=3)
    orders = {tuple(ids(first_stage="random", seed=seed)) for seed in range(20)}
    assert len(orders) > 5
    assert {frozenset(order) for order in orders} == {frozenset(("dog", "cat", "cow", "hen"))}


def test_candidates_with_one_id_or_one_source_are_not_lost_in_the_first_stage():
    twins = Row("r", "cat", (Document("a", "cat", source="s"), Document("a", "dog", source="s")), {})
    assert len(Setting().candidates(twins)) == 2


@pytest.mark.parametrize(
    ("setting", "stages"),
    [
        (Setting("lexical"), {"filter", "answer"}),
        (Setting("lexical", filter=False), {"answer"}),
        (Setting("lexical", answer=False), {"filter", "rank"}),
        (Setting("lexical", rank=False), {"filter"}),
        (Setting(rank=False, filter=False), set()),
    ],
)
def test_each_stage_can_be_switched_off(tmp_path, setting, stages):
    found = asked(own(tmp_path / "data", 3), tmp_path / "out", setting)
    assert set(found.costs["q0"].seconds) - {"retrieve"} == stages
    assert (found.records[0].answer is None) is not setting.answers
    assert found.records[0].listwise is setting.rank
    assert bool(found.records[0].verified) is setting.rank


def test_sources_may_be_those_likely_relevant():
    result = ReasoningReranker("lexical", stages=["filter"]).rerank(ROW.question, ROW.candidates)
    likely = record(ROW, result, Sources("probability", 0.3))
    assert likely.sources == ("cat",)
    assert record(ROW, result, Sources("citations")).sources is None


def test_lines_are_whole_or_not_there(tmp_path):
    path = tmp_path / "deep" / "lines"
    with Lines(path) as lines:
        lines.append(json.dumps({"ä": 1}))
    with path.open("ab") as file:
        file.write(b'{"torn')
    assert list(whole_lines(path)) == [json.dumps({"ä": 1}) + "\n"]
    with Lines(path) as lines:
        lines.append("next")
    assert path.read_text() == json.dumps({"ä": 1}) + "\nnext\n"
