"""Clients that exist ask our server: Cohere's own, both versions, and curl with README's own line."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("fastapi")
pytest.importorskip("uvicorn")
pytest.importorskip("cohere")

import cohere
import httpx
from serving import QUERY, TEXTS, Process

from rag_reasoner import Document, ReasoningReranker
from rag_reasoner.backends.rerank_api import RerankAPI

REPOSITORY = Path(__file__).parent.parent.parent
TOKEN = "a-token-of-the-tests"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with Process("--model", "lexical", folder=tmp_path_factory.mktemp("clients"), token=TOKEN) as process:
        yield process


@pytest.fixture
def made(server):
    """Makes clients of Cohere's; their connections are closed in the end."""
    with httpx.Client(timeout=60) as connection:
        yield lambda kind, key=TOKEN: kind(api_key=key, base_url=server.url, httpx_client=connection)


@pytest.fixture(params=[cohere.Client, cohere.ClientV2])
def client(request, made):
    return made(request.param)


def in_process(texts=TEXTS, query=QUERY):
    result = ReasoningReranker("lexical").rerank(query, texts)
    return [one.candidate.position for one in (*result.ranked, *result.dropped)]


def test_coheres_client_gets_every_document_in_our_order(client):
    reply = client.rerank(model="rerank-v3.5", query=QUERY, documents=TEXTS)
    assert [one.index for one in reply.results] == in_process() == [1, 2, 0]
    scores = [one.relevance_score for one in reply.results]
    assert scores == sorted(scores, reverse=True)
    assert all(0 <= score <= 1 for score in scores)
    assert reply.id
    assert reply.meta.api_version.version in ("1", "2")
    assert reply.meta.tokens.input_tokens > 0


def test_coheres_client_gets_as_many_as_it_asks_for(client):
    reply = client.rerank(model="rerank-v3.5", query=QUERY, documents=TEXTS, top_n=1)
    assert [one.index for one in reply.results] == [1]


def test_reasons_and_quotes_come_along_under_extra_keys(client):
    (first, *_) = client.rerank(model="x", query=QUERY, documents=TEXTS).results
    assert "1962" in first.reasoning
    assert first.citations[0]["quote"] == TEXTS[1]
    assert first.citations[0]["verified"] == "exact"


def test_coheres_first_client_gets_its_documents_back_as_they_were(made):
    client = made(cohere.Client)
    documents = [{"text": TEXTS[0], "shelf": "a"}, {"text": TEXTS[1], "shelf": "b"}]
    reply = client.rerank(query=QUERY, documents=documents, return_documents=True)
    assert [one.index for one in reply.results] == [1, 0]
    assert reply.results[0].document.text == TEXTS[1]
    assert reply.results[0].document.shelf == "b"


def test_coheres_first_client_chooses_the_fields_to_read(made):
    client = made(cohere.Client)
    documents = [{"text": "x", "body": TEXTS[0]}, {"text": "y", "body": TEXTS[1]}]
    reply = client.rerank(query=QUERY, documents=documents, rank_fields=["body"], max_chunks_per_doc=3)
    assert [one.index for one in reply.results] == [1, 0]
    assert reply.results[0].citations[0]["quote"] == TEXTS[1]
    assert "max_chunks_per_doc" in reply.meta.warnings[0]


def test_coheres_client_reads_our_errors(made, client):
    with pytest.raises(cohere.UnprocessableEntityError) as caught:
        client.rerank(model="x", query=QUERY, documents=["x"] * 101)
    assert "101" in str(caught.value.body)
    stranger = made(type(client), "wrong")
    with pytest.raises(cohere.UnauthorizedError):
        stranger.rerank(model="x", query=QUERY, documents=TEXTS)


async def test_coheres_asynchronous_client_is_served_too(server):
    async with httpx.AsyncClient(timeout=60) as connection:
        client = cohere.AsyncClientV2(api_key=TOKEN, base_url=server.url, httpx_client=connection)
        reply = await client.rerank(model="x", query=QUERY, documents=TEXTS)
    assert [one.index for one in reply.results] == [1, 2, 0]


@pytest.mark.parametrize("dialect", ["cohere", "cohere_v1", "jina"])
def test_our_own_client_asks_our_own_server(server, dialect):
    url = server.url if dialect.startswith("cohere") else f"{server.url}/v1"
    judge = RerankAPI(url, "any", dialect=dialect, api_key=TOKEN)
    result = ReasoningReranker(judge, keep="all").rerank(
        QUERY, [Document(str(n), text) for n, text in enumerate(TEXTS)]
    )
    assert [one.candidate.position for one in result.ranked] == [1, 2, 0]


def fenced(kind):
    section = (REPOSITORY / "README.md").read_text("utf-8").split("## As a server")[1].split("\n## ")[0]
    return re.findall(rf"^```{kind}\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)


def timeless(reply):
    """A reply without what differs from call to call."""
    return {**reply, "id": "", "rag_reasoner": {**reply["rag_reasoner"], "timings": {}}}


@pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl")
def test_the_readmes_curl_line_gets_the_readmes_reply(tmp_path):
    start, ask = fenced("bash")[0].strip().splitlines()[0], fenced("bash")[1]
    (shown,) = fenced("json")
    options = start.split()[2:]
    with Process(*options, folder=tmp_path) as process:
        assert "http://localhost:8080/" in ask
        line = ask.replace("http://localhost:8080", process.url)
        done = subprocess.run(["bash", "-c", line], capture_output=True, check=True)
    expected, reply = json.loads(shown), json.loads(done.stdout)
    pairs = zip(reply["results"], expected["results"], strict=True)
    assert [{key: found[key] for key in told} for found, told in pairs] == expected["results"]
    assert reply["model"] == expected["model"]


def test_the_python_of_the_page_about_the_server_runs(tmp_path):
    page = (REPOSITORY / "docs" / "server.md").read_text("utf-8")
    (block,) = re.findall(r"^```py\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    assert "http://localhost:8080" in block
    with Process("--model", "lexical", folder=tmp_path) as process:
        code = block.replace("http://localhost:8080", process.url)
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    assert done.stdout.startswith("1 ")
    assert "1962" in done.stdout
