"""/metrics: what was done, counted once, under labels of which there are only so many."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import httpx
from fakes import Mute, Perfect
from prometheus_client.parser import text_string_to_metric_families
from serving import QUERY, TEXTS, Process, connect, post, serving, whole

from rag_reasoner.backends.base import Together
from rag_reasoner.types import FAULTS

ROUTES = {"/healthz", "/metrics", "/v1/rerank", "/v2/rerank", "/v1/answer", "other"}


def numbers(url, **headers):
    """Every sample: (name, labels) to its value."""
    reply = httpx.get(url + "/metrics", headers=headers)
    assert reply.status_code == 200
    assert reply.headers["content-type"].startswith("text/plain")
    found = {}
    for family in text_string_to_metric_families(reply.text):
        for sample in family.samples:
            found[sample.name.removeprefix("rag_reasoner_"), *sorted(sample.labels.items())] = sample.value
    return found


def labelled(name, **labels):
    return (name, *sorted(labels.items()))


def test_requests_are_counted_by_route_and_status():
    with serving() as (url, _):
        for _ in range(3):
            assert post(url).status_code == 200
        assert post(url, "/v1/answer", query=None, question=QUERY).status_code == 200
        assert post(url, documents=[""] * 101).status_code == 422
        httpx.get(url + "/healthz")
        found = numbers(url)
    counted = {key: value for key, value in found.items() if key[0] == "requests_total"}
    assert counted == {
        labelled("requests_total", route="/v2/rerank", status="200"): 3,
        labelled("requests_total", route="/v1/answer", status="200"): 1,
        labelled("requests_total", route="/v2/rerank", status="422"): 1,
        labelled("requests_total", route="/healthz", status="200"): 1,
    }
    assert found[labelled("request_seconds_count", route="/v2/rerank")] == 4
    assert found[labelled("requests_in_flight")] == 1  # this one


def test_tokens_documents_and_faults_are_those_of_the_replies():
    with serving() as (url, _):
        replies = [post(url, top_n=n, documents=[*TEXTS, ""]).json() for n in (1, 2)]
        found = numbers(url)
    usage = [reply["usage"] for reply in replies]
    for kind in ("prompt", "completion"):
        told = sum(one[f"{kind}_tokens"] for one in usage)
        assert found[labelled("tokens_total", kind=kind)] == told > 0
    assert found[labelled("documents_total", fate="ranked")] == 3
    assert found[labelled("documents_total", fate="dropped")] == 5
    faults = [fault["kind"] for reply in replies for fault in reply["rag_reasoner"]["faults"]]
    assert faults
    for kind in set(faults):
        assert found[labelled("faults_total", kind=kind)] == faults.count(kind)


def test_a_model_that_fails_shows_in_the_faults():
    with serving(Mute()) as (url, _):
        reply = post(url).json()
        found = numbers(url)
    assert found[labelled("faults_total", kind="backend_error")] == len(reply["rag_reasoner"]["faults"])
    assert found[labelled("degraded_total")] == 1


def test_no_client_can_make_a_label():
    with serving() as (url, _):
        for n in range(20):
            httpx.get(f"{url}/nothing/{n}?CANARY")
            httpx.request(f"METHOD{n}", f"{url}/v2/rerank")
            httpx.delete(f"{url}/v1/documents/CANARY{n}")
        text = httpx.get(url + "/metrics").text
        found = numbers(url)
    assert "CANARY" not in text
    assert found[labelled("requests_total", route="other", status="404")] == 20
    named = [dict(key[1:])["route"] for key in found if key[0] == "requests_total"]
    assert "/v1/documents/{id}" in named
    for key in found:
        labels = dict(key[1:])
        assert labels.get("kind", "prompt") in {"prompt", "completion", "judge", "complete", "other", *FAULTS}
        route = labels.get("route", "other")
        assert route in ROUTES or "{" in route
    assert sum(key[0] == "requests_total" for key in found) < 8


def test_neither_questions_nor_documents_nor_the_token_are_in_the_numbers():
    with serving(token="CANARYtoken") as (url, _):
        post(
            url, query="CANARY museum?", documents=["CANARY museum", {"id": "CANARY", "text": "x"}], token="CANARYtoken"
        )
        assert httpx.get(url + "/metrics").status_code == 401
        reply = httpx.get(url + "/metrics", headers={"authorization": "Bearer CANARYtoken"})
    assert 'status="401"' in reply.text
    assert "CANARY" not in reply.text


def test_who_leaves_before_the_reply_is_counted_as_such(tmp_path):
    with Process("--model", "lexical", folder=tmp_path) as server:
        with connect(server.port) as connection:
            connection.sendall(whole(b'{"query": "x"}', content_length=1000))
        while (found := numbers(server.url))[labelled("requests_in_flight")] > 1:
            pass
        assert found[labelled("requests_total", route="/v2/rerank", status="499")] == 1
        assert found["process_open_fds",] > 0


def test_requests_that_come_together_share_the_batches_of_a_model_that_gathers():
    everyone_asked = threading.Event()

    class Gathering(Perfect):
        together = Together(judgements=4, replies=4)

        async def ajudge(self, tasks):
            await asyncio.to_thread(everyone_asked.wait, 30)
            return self.judge(tasks)

    model = Gathering()
    with serving(model) as (url, _), ThreadPoolExecutor(6) as pool:
        alone = [pool.submit(post, url, documents=["worth 0.1", f"worth 0.{n}", "worth 0.9"]) for n in range(2, 8)]
        while (found := numbers(url))[labelled("tasks_waiting")] < 18 - 4:
            pass
        everyone_asked.set()
        replies = [one.result().json() for one in alone]
        found = numbers(url)
    assert found[labelled("batch_tasks_sum", kind="judge")] == len(model.judged) == 18
    assert found[labelled("batch_tasks_count", kind="judge")] == 5
    assert found[labelled("batch_tasks_sum", kind="complete")] == 6
    assert found[labelled("tasks_waiting")] == 0
    for n, reply in enumerate(replies, 2):
        assert {one["index"]: one["probability"] for one in reply["results"]} == {0: 0.1, 1: n / 10, 2: 0.9}
        assert [one["index"] for one in reply["results"]] == [2, 1, 0]


def test_two_servers_in_one_process_count_apart():
    with serving() as (one, _), serving() as (other, _):
        post(one)
        assert labelled("requests_total", route="/v2/rerank", status="200") in numbers(one)
        assert labelled("requests_total", route="/v2/rerank", status="200") not in numbers(other)


def test_a_scraper_gets_the_format_that_it_asks_for():
    with serving() as (url, _):
        reply = httpx.get(url + "/metrics", headers={"accept": "application/openmetrics-text; version=1.0.0"})
    assert reply.headers["content-type"].startswith("application/openmetrics-text")
    assert reply.text.endswith("# EOF\n")
