"""Bodies that nobody would send in good faith: each gets a reply of ours, and the server goes on."""

import json

import pytest

pytest.importorskip("fastapi")
pytest.importorskip("uvicorn")

import itertools

import httpx
from hypothesis import example, given
from hypothesis import strategies as st
from serving import serving

from rag_reasoner.server.shape import Shape

REPLIES = {200, 400, 413, 415, 422}

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
FIELDS = (
    "query",
    "question",
    "documents",
    "top_n",
    "model",
    "rank_fields",
    "return_documents",
    "stream",
    "image",
    "text",
)
documents = st.lists(
    st.text(max_size=30)
    | st.fixed_dictionaries(
        {}, optional={name: values for name in ("text", "image", "id", "page", "words", "title", "more")}
    ),
    max_size=5,
)
requests = st.fixed_dictionaries(
    {},
    optional={
        "query": st.text(max_size=20) | values,
        "question": st.text(max_size=20) | values,
        "documents": documents | values,
        **{name: values for name in FIELDS if name not in ("query", "question", "documents", "stream")},
        "stream": st.booleans(),
    },
)
good = json.dumps({"query": "a b", "documents": ["a", {"text": "b", "x": [1, {"y": None}]}]}).encode()


@pytest.fixture(scope="module")
def ask():
    """Posts bytes to a server that goes on through all of them."""
    with serving() as (url, _), httpx.Client(base_url=url, headers={"content-type": "application/json"}) as client:
        yield lambda path, body: client.post(path, content=body, timeout=60)


def checked(reply):
    assert reply.status_code in REPLIES
    if reply.status_code != 200:
        assert set(reply.json()) == {"message", "error"}
        assert "Traceback" not in reply.text
    elif "text/event-stream" not in reply.headers["content-type"]:
        indices = [one["index"] for one in reply.json()["results"]]
        scores = [one["relevance_score"] for one in reply.json()["results"]]
        assert len(set(indices)) == len(indices)
        assert scores == sorted(scores, reverse=True)
        assert all(0 <= score <= 1 for score in scores)


@given(st.sampled_from(["/v1/rerank", "/v2/rerank", "/v1/answer"]), requests)
def test_any_json_gets_a_reply_of_ours(ask, path, body):
    checked(ask(path, json.dumps(body).encode()))


@given(st.data())
def test_a_request_with_some_bytes_changed_gets_a_reply_of_ours(ask, data):
    body = bytearray(good)
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(body) - 1))
        body[place : place + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    checked(ask("/v2/rerank", bytes(body)))


@given(st.binary(max_size=200))
def test_any_bytes_get_a_reply_of_ours(ask, body):
    checked(ask("/v1/rerank", body))


def measured(value):
    """The oracle: how deep a parsed value is nested, and how many values it has, empty brackets counted twice."""
    if not isinstance(value, dict | list):
        return 0, 1
    inner = [measured(one) for one in (value.values() if isinstance(value, dict) else value)]
    return 1 + max((depth for depth, _ in inner), default=0), 1 + max(sum(count for _, count in inner), 1)


def cut(body, places):
    edges = sorted({0, len(body), *(place % (len(body) + 1) for place in places)})
    return [body[start:end] for start, end in itertools.pairwise(edges)]


@given(values, st.lists(st.integers(0, 500), max_size=6))
@example({"a": ["\\", '"[[', "\\\\", {"]": "},"}]}, [5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16])
def test_depth_and_values_are_counted_as_a_parser_would_however_the_bytes_come(value, places):
    for body in (
        json.dumps(value).encode(),
        json.dumps(value, ensure_ascii=False, indent=1).encode("utf-8", "replace"),
    ):
        shape = Shape()
        for piece in cut(body, places):
            shape.feed(piece)
        assert (shape.deepest, shape.values) == measured(value)
