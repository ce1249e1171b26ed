"""Batch files: the same pipeline, round by round; equal to asking a server, and a lost reply costs its task only."""

import json
import pickle

import pytest
from faulty_server import FaultyServer, chat_reply, perfect
from typer.testing import CliRunner

from rag_reasoner import Document, ReasoningReranker
from rag_reasoner.backends.openai_compatible import OpenAICompatible
from rag_reasoner.batch import Done, Plan, Question, advance, build_requests, parse_replies
from rag_reasoner.candidates import as_candidates
from rag_reasoner.cli import app
from rag_reasoner.results import Result

TEXTS = tuple(f"page {place} says" + " some words" * 40 for place in range(9))
PLAN = Plan("m", context=900, judges=True, keep="all")


def question(id="q", texts=TEXTS):
    return Question(id, "Which page?", as_candidates([Document(str(n), text) for n, text in enumerate(texts)]))


def served(body):
    """A server with log-probabilities: later pages are likelier."""
    if not body.get("logprobs"):
        return perfect(body)
    page = int(body["messages"][-1]["content"].split("page ")[2 - 1].split()[0])
    said = chat_reply("yes")
    top = [{"token": "yes", "logprob": -1.0 + page / 20}, {"token": "no", "logprob": -1.0}]
    said["choices"][0]["logprobs"] = {"content": [{"top_logprobs": top}]}
    return said


def output(lines, reply=served):
    return [
        json.dumps({"custom_id": line["custom_id"], "response": {"status_code": 200, "body": reply(line["body"])}})
        for line in lines
    ]


def played(questions, plan, tear=lambda round_, lines: lines):
    """All rounds, and the ids of each."""
    replies, asked, rounds = {}, set(), []
    while lines := build_requests(questions, plan, replies, asked):
        asked |= {line["custom_id"] for line in lines}
        rounds.append([line["custom_id"] for line in lines])
        replies |= parse_replies(tear(len(rounds), output(json.loads(json.dumps(lines)))))
        assert len(rounds) < 20
    return [advance(one, plan, replies, asked).result for one in questions], rounds


def test_rounds_end_in_what_asking_the_server_gives():
    with FaultyServer(served) as server:
        backend = OpenAICompatible(server.url(), "m", dialect="openai", context=900)
        reranker = ReasoningReranker(backend, keep="all")
        expected = reranker.rerank("Which page?", [Document(str(n), text) for n, text in enumerate(TEXTS)])
        backend.close()
    (found, other), rounds = played([question(), question("r")], PLAN)
    assert found == other == Result(**{**{name: getattr(expected, name) for name in Result.__slots__}, "timings": {}})
    assert len(rounds) > 2
    assert not found.degraded


def test_an_id_is_asked_once():
    _, rounds = played([question(), question("r")], PLAN)
    ids = [id for round_ in rounds for id in round_]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize(
    "tear",
    [
        lambda round_, lines: lines[1:],
        lambda round_, lines: [lines[0][: len(lines[0]) // 2], *lines[1:]],
        lambda round_, lines: [json.dumps({**json.loads(lines[0]), "response": {"status_code": 500}}), *lines[1:]],
        lambda round_, lines: [lines[0].replace("choices", "chances"), *lines[1:]],
        lambda round_, lines: ["[]", "7", "\x00", *lines[1:]],
    ],
)
def test_a_torn_or_missing_reply_costs_its_task_only(tear):
    (found, whole), _ = played([question(), question("r")], PLAN, lambda n, lines: tear(n, lines) if n == 1 else lines)
    assert sorted(one.candidate.position for one in (*found.ranked, *found.dropped)) == list(range(9))
    assert [(fault.kind, fault.position) for fault in found.faults] == [("backend_error", 0)]
    assert whole.faults == ()


def test_questions_plans_and_states_can_be_pickled():
    for one in (question(), PLAN, advance(question(), PLAN, {}, ())):
        assert pickle.loads(pickle.dumps(one)) == one


def test_one_candidate_needs_no_request():
    assert build_requests([question(texts=("alone",))], PLAN) == []
    assert isinstance(advance(question(texts=("alone",)), PLAN, {}, ()), Done)


def test_export_and_import_go_from_questions_to_results(tmp_path):
    lines = [
        {
            "id": f"q{n}",
            "question": "Which page?",
            "candidates": [{"id": str(i), "text": t} for i, t in enumerate(TEXTS)],
        }
        for n in range(2)
    ]
    (tmp_path / "q.jsonl").write_text("\n".join(map(json.dumps, lines)))
    export = ["batch", "export", str(tmp_path / "q.jsonl"), "-m", "m"]
    run, work, replies = CliRunner(), tmp_path / "work", tmp_path / "replies.jsonl"
    said = run.invoke(app, [*export, "--to", str(work), "--context", "900"])
    rounds = 0
    while said.output.startswith("run next: "):
        requests = work / f"round-{(rounds := rounds + 1)}.requests.jsonl"
        assert str(requests) in said.output.replace("\n", "")
        replies.write_text("\n".join(output(map(json.loads, requests.read_text().splitlines()))))
        said = run.invoke(app, ["batch", "import", str(work), str(replies)])
    assert said.output.startswith("done: ")
    results = [json.loads(line) for line in (work / "results.jsonl").read_text().splitlines()]
    assert [one["id"] for one in results] == ["q0", "q1"]
    assert [len(one["ranked"]) for one in results] == [9, 9]
    again = run.invoke(app, [*export, "--to", str(work)])
    assert (again.exit_code, "holds a batch already" in again.output) == (2, True)


@pytest.mark.parametrize("line", ["{", '{"id": "q"}', '{"id": "q", "question": " ", "candidates": []}'])
def test_a_question_that_cannot_be_asked_is_told_with_its_line(tmp_path, line):
    (tmp_path / "q.jsonl").write_text(line)
    said = CliRunner().invoke(
        app, ["batch", "export", str(tmp_path / "q.jsonl"), "--to", str(tmp_path / "w"), "-m", "m"]
    )
    assert said.exit_code == 2
    assert "line 1" in said.output
