"""Commands that ask a model on a server, with what the server does not tell."""

import json

import pytest
from benchmark_folders import own
from faulty_server import FaultyServer, perfect
from typer.testing import CliRunner

from rag_reasoner.cli import app

QUESTION = "When did the museum open?"


def run(*words):
    return CliRunner().invoke(app, list(map(str, words)))


def served(body):
    """A server that names one model, and nothing of itself."""
    return perfect(body) if body else {"data": [{"id": "only", "owned_by": "somebody"}]}


@pytest.fixture
def server():
    with FaultyServer(served) as running:
        yield running


@pytest.fixture
def candidates(tmp_path):
    lines = [{"id": str(place), "text": f"Page {place} of the museum. " + "Some words. " * 60} for place in range(6)]
    (tmp_path / "c.jsonl").write_text("\n".join(map(json.dumps, lines)))
    return tmp_path / "c.jsonl"


def asked(server):
    return [json.loads(body) for body in server.bodies if body]


def test_dialect_and_context_reach_the_server(server, candidates):
    options = ("--filter-model", "lexical", "--keep", "all", "--json")
    for context, windows in (("8192", 1), ("1200", 2)):
        before = len(asked(server))
        said = run(
            "rerank", QUESTION, "-c", candidates, "--base-url", server.url(), "--context", context,
            "--dialect", "vllm", *options,
        )  # fmt: skip
        assert said.exit_code == 0, said.output
        assert sorted(one["candidate"]["position"] for one in json.loads(said.stdout)["ranked"]) == list(range(6))
        new = asked(server)[before:]
        assert len(new) >= windows
        assert all("structured_outputs" in body and body["model"] == "only" for body in new)
    assert len(new) > 1


def test_a_model_that_sees_is_sent_images(server, tmp_path, monkeypatch):
    from PIL import Image

    monkeypatch.chdir(tmp_path)
    for name in ("red", "blue"):
        Image.new("RGB", (8, 8), name).save(f"{name}.png")
    command = ("rerank", "What is red?", "-c", "red.png", "-c", "blue.png", "--base-url", server.url(), "--json")
    run(*command, "--filter-model", "lexical")
    assert not any("image_url" in json.dumps(body) for body in asked(server))
    run(*command, "--filter-model", "lexical", "--reads-images")
    assert "data:image/png;base64," in json.dumps(asked(server)[-1])


@pytest.mark.parametrize(
    "options",
    [("--context", 4096), ("--dialect", "vllm"), ("--reads-images",), ("--dialect", "openai", "--model", "m")],
)
@pytest.mark.parametrize("command", ["rerank", "eval"])
def test_options_of_a_server_without_a_server_are_a_mistake(command, options, candidates, tmp_path):
    words = {
        "rerank": ("rerank", QUESTION, "-c", candidates),
        "eval": ("eval", "jsonl", "--data", own(tmp_path / "data"), "--out", tmp_path / "out"),
    }
    said = run(*words[command], *options)
    assert said.exit_code == 2
    assert "--base-url" in said.output
    assert str(options[0]) in said.output


def test_eval_asks_the_server_and_its_tables_say_which(server, tmp_path):
    data, out = own(tmp_path / "data"), tmp_path / "out"
    command = ("eval", "jsonl", "--data", data, "--out", out, "--sample", 3, "--no-filter", "--no-answer")
    said = run(*command, "--base-url", server.url(), "--model", "m", "--dialect", "sglang", "--context", 4096)
    assert said.exit_code == 0, said.output
    assert f"server {server.url()} 4096 sglang" in said.stdout
    records = [json.loads(line) for line in (out / "records.jsonl").read_text().splitlines()]
    assert len(records) == 3
    assert all("regex" in body for body in asked(server))
    before = len(asked(server))
    again = run(*command, "--base-url", server.url(), "--model", "m", "--dialect", "sglang", "--context", 4096)
    assert (again.exit_code, len(asked(server))) == (0, before)
    other = run(*command, "--base-url", server.url("elsewhere"), "--model", "m", "--dialect", "sglang")
    assert other.exit_code == 2
    assert "base_url" in other.output


def test_a_server_that_cannot_be_asked_ends_an_eval_that_goes_on_later(tmp_path):
    data, out = own(tmp_path / "data"), tmp_path / "out"
    said = run("eval", "jsonl", "--data", data, "--out", out, "--sample", 3, "--base-url", "http://127.0.0.1:9/v1")
    assert said.exit_code == 4
    assert "cannot be reached" in said.output


def test_an_address_with_a_password_is_refused_before_it_is_written_down(tmp_path):
    out = tmp_path / "out"
    said = run(
        "eval", "jsonl", "--data", own(tmp_path / "data"), "--out", out, "--base-url", "http://me:secret@host/v1"
    )
    assert said.exit_code == 2
    assert "secret" not in said.output
    assert not out.exists()
