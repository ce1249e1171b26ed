"""What the server replies: shapes, scores, dropped documents, streams, and what it does when nobody listens."""

import asyncio
import itertools
import json
import threading
import time

import pytest

pytest.importorskip("fastapi")
pytest.importorskip("uvicorn")


import fakes
import httpx
from openapi_schema import validated
from serving import QUERY, TEXTS, connect, head, post, received, serving, status, whole

from rag_reasoner import ReasoningReranker
from rag_reasoner.errors import BackendError, ModelError
from rag_reasoner.server.app import create_app
from rag_reasoner.server.settings import ServerSettings

WORTHS = (0.05, 0.9, 0.01, 0.6, 0.3)
DOCUMENTS = [one.text for one in fakes.documents(*WORTHS)]


async def ask(app, path="/v2/rerank", method="POST", **body):
    transport = httpx.ASGITransport(app)
    alive = app.router.lifespan_context(app)
    async with alive, httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        if method == "GET":
            return await client.get(path)
        asked = {"query": fakes.QUERY, "documents": DOCUMENTS, **body}
        return await client.post(path, json={name: value for name, value in asked.items() if value is not None})


def app(model=None, settings=None, **options):
    return create_app(ReasoningReranker(model or fakes.Perfect(), **options), settings)


# /v1/rerank, /v2/rerank


@pytest.mark.parametrize("path", ["/v1/rerank", "/v2/rerank"])
async def test_every_document_comes_back_once_the_dropped_ones_last_and_with_a_reason(path):
    reply = (await ask(app(), path)).json()
    assert [one["index"] for one in reply["results"]] == [1, 3, 4, 0, 2]
    assert [one["dropped"] for one in reply["results"]] == [False, False, False, True, True]
    assert [one["rank"] for one in reply["results"]] == [1, 2, 3, None, None]
    assert all(one["reason"] for one in reply["results"][3:])
    scores = [one["relevance_score"] for one in reply["results"]]
    assert all(higher > lower for higher, lower in itertools.pairwise(scores))
    assert scores[0] <= 1
    assert scores[-1] >= 0
    assert [one["probability"] for one in reply["results"]] == [0.9, 0.6, 0.3, 0.05, 0.01]
    assert scores == pytest.approx([0.9, 0.6, 0.3, 0.05, 0.01])
    assert [one["index"] for one in reply["rag_reasoner"]["dropped"]] == [0, 2]


async def test_scores_say_what_the_order_says_where_the_model_ranks_against_its_own_filter():
    reply = (await ask(app(fakes.Leaning(bias=-2.0), keep="all"))).json()
    results = reply["results"]
    assert [one["probability"] for one in results] != sorted((one["probability"] for one in results), reverse=True)
    scores = [one["relevance_score"] for one in results]
    assert all(1 >= higher > lower >= 0 for higher, lower in itertools.pairwise(scores))


@pytest.mark.parametrize("top_n", range(1, 8))
async def test_top_n_gives_so_many_and_tells_of_the_rest(top_n):
    reply = (await ask(app(), top_n=top_n)).json()
    assert [one["index"] for one in reply["results"]] == [1, 3, 4, 0, 2][:top_n]
    left = {one["index"] for one in reply["rag_reasoner"]["dropped"]}
    assert left | {one["index"] for one in reply["results"]} == set(range(5))


async def test_no_documents_give_no_results():
    reply = await ask(app(), documents=[])
    assert reply.status_code == 200
    assert reply.json()["results"] == []


async def test_who_ordered_and_what_went_wrong_is_told():
    reply = (await ask(app(fakes.Down()))).json()["rag_reasoner"]
    assert reply["degraded"] is True
    assert reply["ordered_by"] == ["coarse order"]
    assert {one["kind"] for one in reply["faults"]} == {"backend_error"}
    assert all(one["detail"] == "" for one in reply["faults"])
    trained = (await ask(app())).json()["rag_reasoner"]
    assert trained["degraded"] is False
    assert trained["ordered_by"] == ["fake"]
    assert trained["usage"]["calls"] > 0


async def test_documents_come_back_if_asked_for_as_they_were_without_pictures():
    given = [{"text": "worth 0.9 indeed", "id": "a", "shelf": [1, {"x": None}]}, "worth 0.5 indeed"]
    bare = (await ask(app(), documents=given)).json()["results"]
    assert all("document" not in one for one in bare)
    reply = (await ask(app(), documents=given, return_documents=True)).json()["results"]
    assert [one["document"] for one in reply] == [given[0], {"text": given[1]}]
    assert reply[0]["citations"][0]["document_id"] == "a"


async def test_words_with_boxes_give_quotes_boxes():
    text = "worth 0.9 indeed"
    words = [
        {"start": 0, "end": 5, "box": [0.1, 0.1, 0.2, 0.2]},
        {"start": 6, "end": 9, "box": [0.2, 0.1, 0.3, 0.2]},
        {"start": 10, "end": 16, "box": [0.3, 0.1, 0.5, 0.2]},
    ]
    document = {"text": text, "page": 7, "words": words}
    citation = (await ask(app(), documents=[document, DOCUMENTS[0]])).json()["results"][0]["citations"][0]
    assert citation["page"] == 7
    assert citation["boxes"]
    assert all(0.1 <= box[0] < box[2] <= 0.5 for box in citation["boxes"])


async def test_a_model_that_writes_half_a_character_is_answered_for_all_the_same():
    class Halved(fakes.Perfect):
        async def acomplete(self, tasks, on_text=None):
            replies = await super().acomplete(tasks, on_text)
            return [fakes.replace(one, text=one.text.replace("worth", "\ud800 worth")) for one in replies]

    reply = await ask(app(Halved()), "/v1/answer", query=None, question=fakes.QUERY)
    assert reply.status_code == 200
    json.loads(reply.content)


@pytest.mark.parametrize(
    "error", [BackendError("http://inner:8000 said canary"), ModelError("/home/canary"), ValueError("canary")]
)
async def test_an_error_of_the_model_tells_nothing_of_the_house(error, caplog):
    class Broken(fakes.Perfect):
        async def ajudge(self, tasks):
            raise error

    reply = await ask(app(Broken(), on_error="raise"))
    assert reply.status_code in (500, 502)
    assert set(reply.json()) == {"message", "error"}
    assert "canary" not in reply.text
    assert type(error).__name__ in caplog.text
    assert "canary" not in caplog.text


# /v1/answer


async def test_an_answer_comes_with_its_quotes_and_its_documents():
    reply = (await ask(app(), "/v1/answer", query=None, question=fakes.QUERY)).json()
    assert reply["answer"]["text"]
    assert reply["answer"]["answered_by"] == "fake"
    assert reply["answer"]["citations"][0]["verified"] == "exact"
    assert reply["answer"]["citations"][0]["index"] == 1
    assert [one["index"] for one in reply["results"]] == [1, 3, 4, 0, 2]


def events(text):
    """The events of a stream, as (name, data), comments left out."""
    for block in text.strip().split("\n\n"):
        if not block.startswith(":"):
            name, data = block.split("\n", 1)
            yield name.removeprefix("event: "), json.loads(data.removeprefix("data: "))


async def test_a_stream_ends_with_the_result_that_is_given_without_one():
    plain = (await ask(app(), "/v1/answer", query=None, question=fakes.QUERY)).json()
    reply = await ask(app(), "/v1/answer", query=None, question=fakes.QUERY, stream=True)
    assert reply.headers["content-type"].startswith("text/event-stream")
    told = list(events(reply.text))
    assert [name for name, _ in told][-1] == "result"
    assert {name for name, _ in told} == {"step", "text", "result"}
    assert next(data["stage"] for name, data in told if name == "step") == "filter"
    for same in ("answer", "results", "model"):
        assert told[-1][1][same] == plain[same]


async def test_what_goes_wrong_in_a_stream_is_an_event_without_the_models_words(caplog):
    class Broken(fakes.Perfect):
        async def ajudge(self, tasks):
            raise ValueError("canary")

    reply = await ask(app(Broken()), "/v1/answer", query=None, question=fakes.QUERY, stream=True)
    ((name, data),) = events(reply.text)
    assert name == "error"
    assert data == {"message": "something went wrong in the server", "error": "internal"}
    assert "canary" not in caplog.text


async def test_a_question_that_cannot_be_used_is_refused_before_the_stream_begins():
    reply = await ask(app(), "/v1/answer", query=None, question="  ", stream=True)
    assert reply.status_code == 422


class Waiting(fakes.Perfect):
    """Judges when it is let; tells when it is asked, and when it is interrupted."""

    def __init__(self):
        super().__init__()
        self.asked, self.go_on, self.cancelled = threading.Event(), threading.Event(), threading.Event()

    async def ajudge(self, tasks):
        self.asked.set()
        try:
            while not self.go_on.is_set():  # noqa: ASYNC110 - the event is another thread's
                await asyncio.sleep(0.01)
        except asyncio.CancelledError:
            self.cancelled.set()
            raise
        return await super().ajudge(tasks)


def test_a_quiet_stream_has_heartbeats():
    model = Waiting()
    with serving(model, heartbeat_seconds=0.05) as (url, _):
        body = {"question": fakes.QUERY, "documents": DOCUMENTS, "stream": True}
        with httpx.stream("POST", url + "/v1/answer", json=body, timeout=60) as reply:
            lines = reply.iter_lines()
            assert next(lines).startswith(":")
            model.go_on.set()
            assert "event: result" in list(lines)


@pytest.mark.parametrize("stream", [True, False])
def test_a_client_that_leaves_ends_its_run(stream):
    model = Waiting()
    with serving(model, heartbeat_seconds=0.05) as (url, app):
        body = json.dumps({"question": fakes.QUERY, "documents": DOCUMENTS, "stream": stream}).encode()
        with connect(int(url.rsplit(":", 1)[1])) as connection:
            connection.sendall(whole(body, path="/v1/answer"))
            assert model.asked.wait(60)
        assert model.cancelled.wait(60)
        eventually(lambda: app.state.life.taken == 0)
        model.go_on.set()
        assert post(url, query=fakes.QUERY, documents=DOCUMENTS).status_code == 200


def eventually(true):
    for _ in range(600):
        if true():
            return
        time.sleep(0.1)
    raise AssertionError("it did not come about within a minute")


# limits of time and number


@pytest.mark.parametrize("stream", [True, False])
def test_a_request_that_takes_too_long_is_ended_and_told(stream):
    model = Waiting()
    with serving(model, request_seconds=0.3) as (url, app):
        body = {"question": fakes.QUERY, "documents": DOCUMENTS, "stream": stream}
        reply = httpx.post(url + "/v1/answer", json=body, timeout=60)
        assert "too_slow" in reply.text
        assert reply.status_code == (200 if stream else 504)
        assert model.cancelled.wait(60)
        eventually(lambda: app.state.life.taken == 0)


def test_more_requests_than_may_wait_are_told_when_to_come_back():
    model = Waiting()
    with serving(model, max_waiting=2) as (url, app):
        threads = [threading.Thread(target=post, args=(url,)) for _ in range(2)]
        for thread in threads:
            thread.start()
        eventually(lambda: app.state.life.working == 2)
        reply = post(url)
        assert reply.status_code == 503
        assert int(reply.headers["retry-after"]) > 0
        assert reply.json()["error"] == "busy"
        assert httpx.get(url + "/healthz").status_code == 200
        model.go_on.set()
        for thread in threads:
            thread.join(60)
        assert post(url).status_code == 200
        eventually(lambda: app.state.life.working == app.state.life.taken == app.state.life.buffered == 0)


def test_bodies_that_are_held_have_a_limit_together():
    with serving(max_buffered=100_000) as (url, app):
        port = int(url.rsplit(":", 1)[1])
        with connect(port) as first, connect(port) as second:
            first.sendall(head(content_length=90_000) + b" " * 80_000)
            eventually(lambda: app.state.life.buffered == 80_000)
            second.sendall(head(content_length=90_000) + b" " * 80_000)
            assert status(received(second)) == 503
        eventually(lambda: app.state.life.buffered == 0)
        assert post(url).status_code == 200


def test_many_requests_at_once_each_get_their_own_reply():
    with serving() as (url, _):
        replies = {}

        def one(number):
            texts = [f"The museum number {n}." for n in range(20)]
            replies[number] = post(url, query=f"Which is number {number}?", documents=texts).json()

        threads = [threading.Thread(target=one, args=(number,)) for number in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
    assert {number: reply["results"][0]["index"] for number, reply in replies.items()} == {n: n for n in range(20)}


# /readyz, OpenAPI


async def test_a_model_that_tells_relevant_from_irrelevant_is_ready():
    reply = await ask(app("lexical"), "/readyz", "GET")
    assert reply.status_code == 200
    assert reply.json() == {"status": "ready", "model": "lexical"}


class Inverted(fakes.Perfect):
    """Takes the irrelevant for the relevant."""

    def chance(self, document):
        return 0.9 if "Basalt" in document.original else 0.1


@pytest.mark.parametrize(("model", "why"), [(Inverted(), "does not tell"), (fakes.Down(), "could not be asked")])
async def test_a_model_that_does_not_is_not_ready_and_says_why(model, why):
    reply = await ask(app(model), "/readyz", "GET")
    assert reply.status_code == 503
    assert why in reply.json()["message"]
    assert reply.headers["retry-after"]
    assert (await ask(app(model), "/healthz", "GET")).status_code == 200


async def test_a_model_that_does_not_answer_in_time_is_not_ready():
    reply = await ask(app(Waiting(), ServerSettings(ready_seconds=0.1)), "/readyz", "GET")
    assert reply.status_code == 503
    assert "0.1 seconds" in reply.json()["message"]


async def test_readiness_is_asked_once_for_many_who_want_to_know():
    model = fakes.Perfect()
    made = app(model, keep="all")
    for _ in range(5):
        await ask(made, "/readyz", "GET")
    assert len(model.judged) == 2


async def test_draining_is_not_ready_and_takes_no_work():
    made = app("lexical")
    made.state.life.draining = True
    assert (await ask(made, "/readyz", "GET")).status_code == 503
    assert (await ask(made, documents=TEXTS)).status_code == 503
    assert (await ask(made, "/healthz", "GET")).status_code == 200


async def test_openapi_describes_requests_and_replies_as_they_are():
    made = app("lexical")
    schema = (await ask(made, "/openapi.json", "GET")).json()
    for path, body in {
        "/v1/rerank": {"query": QUERY, "documents": [*TEXTS, {"text": "a", "image": None}], "return_documents": True},
        "/v2/rerank": {"query": QUERY, "documents": TEXTS},
        "/v1/answer": {"question": QUERY, "documents": TEXTS},
    }.items():
        operation = schema["paths"][path]["post"]
        validated(body, operation["requestBody"]["content"]["application/json"]["schema"], schema)
        reply = (await ask(made, path, **{"query": None, **body})).json()
        validated(reply, operation["responses"]["200"]["content"]["application/json"]["schema"], schema)
        assert {"401", "413", "422", "503"} <= set(operation["responses"])


async def test_no_page_is_fetched_from_elsewhere():
    for path in ("/docs", "/redoc"):
        assert (await ask(app("lexical"), path, "GET")).status_code == 404


def test_a_server_without_its_extra_says_which(monkeypatch):
    import sys

    from typer.testing import CliRunner

    from rag_reasoner.cli import app as cli

    for name in [name for name in sys.modules if name.startswith("rag_reasoner.server.app")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "fastapi", None)
    result = CliRunner().invoke(cli, ["serve", "--model", "lexical"])
    assert result.exit_code == 4
    assert "rag-reasoner[server]" in result.stderr
