"""The default model behind our server gives what it gives in this process."""

import pytest

pytest.importorskip("fastapi")
pytest.importorskip("uvicorn")
pytest.importorskip("transformers")

import httpx
from serving import Process

from rag_reasoner import ReasoningReranker

pytestmark = [pytest.mark.model, pytest.mark.slow]

FACTS = [
    (f"the {thing} of {place}", 1900 + 7 * n)
    for n, (thing, place) in enumerate(
        (thing, place) for thing in ("museum", "station") for place in ("Lund", "Graz", "Porto", "Cork")
    )
]


def questions():
    """Each asks for one fact among all of them."""
    texts = [f"They opened {what} in {year}." for what, year in FACTS]
    return [(f"When was {what} opened?", [*texts[n:], *texts[:n], "It rained."]) for n, (what, _) in enumerate(FACTS)]


def test_the_default_model_ranks_and_answers_as_in_process(tmp_path):
    reranker = ReasoningReranker()
    with Process(folder=tmp_path) as process:
        assert httpx.get(process.url + "/readyz", timeout=120).json()["status"] == "ready"
        for question, texts in questions():
            here = reranker.answer(question, texts)
            body = {"question": question, "documents": texts}
            there = httpx.post(process.url + "/v1/answer", json=body, timeout=300).json()
            order = [one["index"] for one in there["results"] if not one["dropped"]]
            assert order == [one.candidate.position for one in here.ranked]
            assert there["answer"]["text"] == here.answer.text
            assert there["rag_reasoner"]["degraded"] == here.degraded
            assert [one["kind"] for one in there["rag_reasoner"]["faults"]] == [one.kind for one in here.faults]
