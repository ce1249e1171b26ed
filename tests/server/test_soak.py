"""A short soak of the server as a process: nothing lost, nothing doubled, nothing left behind."""

import importlib.util
import sys
from pathlib import Path

import pytest

FILE = Path(__file__).parents[2] / "benchmarks" / "soak.py"


@pytest.fixture(scope="module")
def soak():
    spec = importlib.util.spec_from_file_location("soak", FILE)
    module = importlib.util.module_from_spec(spec)
    sys.modules["soak"] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    yield module
    del sys.modules["soak"]


@pytest.mark.slow
def test_five_hundred_requests_with_faults_and_leavers_leave_nothing_behind(soak):
    report = soak.run(500, minutes=5)
    assert report.requests == 500
    assert report.wrong == {}
    kinds = {"reranked", "streamed", "left", *"bad_json short_body reset oversized bad_token wrong_schema".split()}
    assert set(report.counts) == kinds
    assert report.after.descriptors <= report.before.descriptors
    assert report.after.children == report.before.children == 0
    assert report.after.threads <= report.before.threads + 4  # a pool of helpers may still be growing
    assert report.in_flight == 0
    assert report.exit_status == 0


@pytest.mark.parametrize(
    ("reply", "problem"),
    [
        ([1, 0], None),
        ([0, 1], "wrong order"),
        ([1], "lost or doubled"),
        ([1, 1], "lost or doubled"),
        ([1, 0, 0], "lost or doubled"),
    ],
)
def test_the_soak_knows_a_wrong_reply(soak, reply, problem):
    asked = soak.Question(7, ["a rock", "a key7"], 1)
    results = [{"index": index, "document": {"text": asked.documents[index]}} for index in reply]
    assert asked.problem({"results": results}, by_words=True) == problem


def test_the_soak_knows_the_document_of_another_request(soak):
    asked = soak.Question(7, ["a rock", "a key7"], 1)
    results = [{"index": index, "document": {"text": "another"}} for index in (1, 0)]
    assert asked.problem({"results": results}, by_words=False) == "another's document"
