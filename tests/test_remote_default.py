"""The default model behind servers: transformers' own, and a small one with log-probabilities."""

import os
import re
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from pathlib import Path

import pytest

pytest.importorskip("transformers")
pytest.importorskip("fastapi")
pytest.importorskip("uvicorn")
pytest.importorskip("openai")

import httpx
import served_model

from rag_reasoner import Document, ReasoningReranker
from rag_reasoner.backends.local.generate import write
from rag_reasoner.backends.openai_compatible import OpenAICompatible
from rag_reasoner.backends.transformers_local import TransformersLocal
from rag_reasoner.errors import BackendError
from rag_reasoner.models import pull
from rag_reasoner.tasks import OrderTask, RankAndAnswerTask, RelevanceTask, show
from rag_reasoner.types import Candidate

pytestmark = [pytest.mark.model, pytest.mark.slow]

THINGS, PLACES = ("museum", "station", "bridge", "school"), ("Lund", "Graz", "Porto", "Cork", "Turku")
FACTS = [(f"the {thing} of {place}", str(1900 + 7 * n)) for n, (thing, place) in enumerate(product(THINGS, PLACES))]


def shown(*texts):
    return tuple(show(Candidate(Document(str(place), text), place)) for place, text in enumerate(texts))


def questions():
    """20 questions, each with its own document, the next one's, and one of no use."""
    for place, (what, year) in enumerate(FACTS):
        other, another = FACTS[(place + 1) % len(FACTS)]
        yield (
            f"When was {what} opened?",
            shown(f"They opened {other} in {another}.", "It rained.", f"In {year} {what} opened."),
        )


@pytest.fixture(scope="module")
def folder():
    return str(pull())


@pytest.fixture(scope="module")
def local(folder):
    made = TransformersLocal(folder, dtype="float32", device="cpu", held=False)
    yield made
    made.close()


@pytest.fixture(scope="module")
def serve(folder, tmp_path_factory):
    """`transformers serve` on a free port of loopback."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = tmp_path_factory.mktemp("serve") / "log"
    program = Path(__file__).with_name("transformers_serve.py")
    command = [sys.executable, str(program), "serve", "--port", str(port), "--host", "127.0.0.1"]
    command += ["--device", "cpu", "--dtype", "float32", folder]
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"}
    with log.open("w") as told, subprocess.Popen(command, stdout=told, stderr=told, env=environment) as running:
        _wait_for(f"http://127.0.0.1:{port}/health", running, log)
        yield f"http://127.0.0.1:{port}/v1"
        running.terminate()


def _wait_for(url, running, log):
    for _ in range(240):
        assert running.poll() is None, log.read_text()[-2000:]
        try:
            if httpx.get(url, trust_env=False).status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.5)
    raise AssertionError(log.read_text()[-2000:])


class _Never:
    def check(self):
        """Nobody interrupts."""

    def is_set(self):
        return False


def greedy(loaded, task):
    return write([loaded.encoder.encode(task.messages())], [task.reply_tokens], loaded, _Never())[0].text


def test_greedy_rankings_and_answers_equal_those_in_process_on_twenty_questions(local, serve, folder):
    asked = list(questions())
    tasks = [OrderTask(*one) for one in asked] + [RankAndAnswerTask(query, shown[1:]) for query, shown in asked[:2]]
    remote = OpenAICompatible(serve, folder, dialect="openai", timeout=600, concurrency=1)
    with ThreadPoolExecutor(1) as beside:
        waiting = beside.submit(remote.complete, tasks)
        here = [greedy(local._loaded, task) for task in tasks]
        there = [reply.text or reply.fault.detail for reply in waiting.result()]
    remote.close()
    ties = [(one, other) for one, other in zip(here, there, strict=True) if one != other]
    print(f"{len(tasks) - len(ties)} of {len(tasks)} replies equal, word for word")  # noqa: T201
    assert len(ties) <= 1, ties


def test_a_reply_that_is_heard_is_the_reply_that_is_not(serve, folder):
    remote = OpenAICompatible(serve, folder, dialect="openai", timeout=600, extra_body={"max_tokens": 8})
    task, told = OrderTask(*next(questions())), []
    (heard,) = remote.complete([task], lambda place, text: told.append(text))
    assert "".join(told) == heard.text == remote.complete([task])[0].text
    print(f"told in {len(told)} pieces")  # noqa: T201
    remote.close()


def test_a_server_without_logprobs_says_so_and_with_a_local_filter_all_is_well(serve, folder):
    remote = OpenAICompatible(serve, folder, timeout=600, trained=False, extra_body={"max_tokens": 8})
    query, documents = next(questions())
    with pytest.raises(BackendError, match=r"log-probabilities.*filter_model"):
        remote.judge([RelevanceTask(query, documents[0])])
    result = ReasoningReranker(remote, filter_model="lexical", keep="all").rerank(
        query, [one.text for one in documents]
    )
    remote.close()
    assert sorted(one.candidate.position for one in result.ranked) == [0, 1, 2]
    assert not [fault for fault in result.faults if fault.kind == "backend_error"]


def test_judging_over_http_gives_the_probabilities_of_this_process(local):
    remote = served_model.OpenAICompatible(
        served_model.serving(lambda: local).url(), "served", extra_body={"top_logprobs": 200}
    )
    pairs = [RelevanceTask(query, documents[place]) for query, documents in list(questions())[:5] for place in range(3)]
    here, there = ([one.probability for one in backend.judge(pairs)] for backend in (local, remote))
    remote.close()
    print(max(abs(one - other) for one, other in zip(here, there, strict=True)))  # noqa: T201
    assert there == [pytest.approx(p, abs=1e-3) for p in here]


def test_the_estimate_of_tokens_is_on_the_high_side_of_a_real_tokenizer(local):
    remote = OpenAICompatible("http://localhost:1", "m")
    prose = re.sub(r"\s+", " ", Path(__file__).parents[1].joinpath("docs/concepts.md").read_text(encoding="utf-8"))
    for task in [RankAndAnswerTask(*question) for question in questions()] + [RelevanceTask("Why?", shown(prose)[0])]:
        taken, estimated = local.count(task.messages()), remote.count(task.messages())
        assert taken <= estimated <= 2 * taken
