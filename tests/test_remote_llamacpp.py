"""The default model behind llama.cpp, by llama-cpp-python's server: judged, ranked and answered as in this process.

The package is built from source for some minutes, so it is no requirement of the tests: they run where it is installed,
here or in the environment whose interpreter LLAMA_CPP_PYTHON names.
"""

import os
import socket
import subprocess
import sys

import pytest

pytest.importorskip("transformers")
pytest.importorskip("fastapi")
pytest.importorskip("openai")

from test_remote_default import _wait_for, greedy, questions
from whole_gguf import whole

from rag_reasoner.backends.openai_compatible import OpenAICompatible
from rag_reasoner.backends.transformers_local import TransformersLocal
from rag_reasoner.models import pull
from rag_reasoner.models.default import _fetched, _unpacked
from rag_reasoner.tasks import OrderTask, RankAndAnswerTask, RelevanceTask

PYTHON = os.environ.get("LLAMA_CPP_PYTHON", sys.executable)


def installed():
    return (
        subprocess.run([PYTHON, "-c", "import llama_cpp.server.app"], capture_output=True, check=False).returncode == 0
    )


pytestmark = [
    pytest.mark.model,
    pytest.mark.slow,
    pytest.mark.skipif(not installed(), reason="needs llama-cpp-python[server], or LLAMA_CPP_PYTHON"),
]


@pytest.fixture(scope="module")
def local():
    made = TransformersLocal(str(pull()), dtype="float32", device="cpu", held=False)
    yield made
    made.close()


@pytest.fixture(scope="module")
def serve(tmp_path_factory):
    """The server on a free port of loopback, with the weights that this process computes with."""
    place = tmp_path_factory.mktemp("llama")
    gguf = whole(_unpacked(_fetched(place), place), place / "whole.gguf")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [PYTHON, "-m", "llama_cpp.server", "--model", str(gguf), "--host", "127.0.0.1", "--port", str(port)]
    command += ["--n_ctx", "4096", "--logits_all", "true", "--n_threads", "1", "--n_threads_batch", "1"]
    log = place / "log"
    with log.open("w") as told, subprocess.Popen(command, stdout=told, stderr=told) as running:
        _wait_for(f"http://127.0.0.1:{port}/v1/models", running, log)
        yield f"http://127.0.0.1:{port}/v1"
        running.kill()


@pytest.fixture
def remote(serve):
    made = []

    def make(**options):
        made.append(OpenAICompatible(serve, dialect="llamacpp", timeout=900, concurrency=1, **options))
        return made[-1]

    yield make
    for one in made:
        one.close()


def test_judging_gives_the_order_of_this_process_on_twenty_questions(local, remote):
    asked = list(questions())
    pairs = [RelevanceTask(query, documents[place]) for query, documents in asked for place in range(3)]
    here = [one.probability for one in local.judge(pairs)]
    there = [one.probability for one in remote(extra_body={"top_logprobs": 1000}).judge(pairs)]
    furthest = max(abs(one - other) for one, other in zip(here, there, strict=True))
    ties = [place for place in range(0, 60, 3) if by(here, place) != by(there, place)]
    print(f"{20 - len(ties)} of 20 orders equal, furthest {furthest:.4f}")  # noqa: T201
    assert furthest < 0.005
    assert len(ties) <= 1


def by(probabilities, start):
    return sorted(range(start, start + 3), key=lambda place: -probabilities[place])


def test_greedy_rankings_and_answers_equal_those_in_process_on_twenty_questions(local, remote):
    asked = list(questions())
    tasks = [OrderTask(*one) for one in asked] + [RankAndAnswerTask(query, shown[1:]) for query, shown in asked[:2]]
    here = [greedy(local._loaded, task) for task in tasks]
    told = {place: "" for place in range(len(tasks))}
    free = remote(held=False)
    there = free.complete(tasks, lambda place, text: told.update({place: told[place] + text}))
    assert there[0].text == free.complete(tasks[:1])[0].text
    assert list(told.values()) == [reply.text for reply in there]
    ties = [(one, other.text) for one, other in zip(here, there, strict=True) if one != other.text]
    print(f"{len(tasks) - len(ties)} of {len(tasks)} replies equal, word for word")  # noqa: T201
    assert len(ties) <= 1, ties


@pytest.mark.parametrize(("kind", "number"), [(OrderTask, 20), (RankAndAnswerTask, 5)])
def test_the_grammar_holds_an_untrained_model_to_the_form(remote, kind, number):
    tasks = [kind(*one) for one in questions()][:number]
    replies = remote().complete(tasks)
    for task, reply in zip(tasks, replies, strict=True):
        said = task.parse(reply.text)
        assert sorted(said.order) == [0, 1, 2]
        assert {fault.kind for fault in said.faults} <= {
            "unverified_quote",
            "unfounded_citation",
            "duplicate",
            "missing",
        }
        assert reply.usage.completion_tokens > 0
