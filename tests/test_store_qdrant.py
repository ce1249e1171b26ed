"""What only Qdrant's page store has: a server that may fail, requests of a limited size, quantised vectors."""

import numpy as np
import pytest
from page_vectors import DIM, random_page, random_query

from rag_reasoner.errors import StoreError
from rag_reasoner.retrieve.store.base import PageVectors

qdrant_client = pytest.importorskip("qdrant_client")

from rag_reasoner.retrieve.store import qdrant  # noqa: E402


@pytest.fixture
def client():
    return qdrant_client.QdrantClient(":memory:")


@pytest.fixture
def store(client):
    return qdrant.QdrantPageStore(client, "pages", model="m", dim=DIM, storage="int8")


def test_a_server_that_is_not_there_is_an_error_in_words():
    nobody = qdrant_client.QdrantClient("http://127.0.0.1:9", check_compatibility=False)
    with pytest.raises(StoreError, match=r"collection 'pages': Qdrant did not .* see that it runs"):
        qdrant.QdrantPageStore(nobody, "pages", model="m", dim=DIM)


@pytest.mark.parametrize(
    ("method", "use"),
    [
        ("count", len),
        ("upsert", lambda store: store.upsert([random_page(1)])),
        ("delete", lambda store: store.delete("doc1")),
        ("query_points", lambda store: store.search(random_query())),
        ("retrieve", lambda store: store.fetch(["p1"])),
        ("scroll", lambda store: store.hashes()),
    ],
)
def test_a_server_that_fails_later_is_too(client, store, monkeypatch, method, use):
    def fails(*_, **__):
        raise qdrant_client.http.exceptions.ResponseHandlingException(ConnectionError("it is gone"))

    monkeypatch.setattr(client, method, fails)
    with pytest.raises(StoreError, match="it is gone"):
        use(store)


@pytest.mark.filterwarnings("ignore:Local mode performs exact")
def test_quantised_vectors_are_compared_again_as_they_were(client, store, monkeypatch):
    asked, query = [], client.query_points
    monkeypatch.setattr(client, "query_points", lambda *args, **more: asked.append(more) or query(*args, **more))
    store.upsert([random_page(1)])
    assert [hit.id for hit in store.search(random_query())] == ["p1"]
    again = asked[0]["search_params"].quantization
    assert (again.rescore, again.oversampling) == (True, 2.0)


def test_long_pages_go_in_requests_of_their_own(client, store, monkeypatch):
    monkeypatch.setattr(qdrant, "_NUMBERS", 100 * DIM)
    sizes, upsert = [], client.upsert
    monkeypatch.setattr(
        client, "upsert", lambda name, points, **more: sizes.append(len(points)) or upsert(name, points)
    )
    lengths = [10, 10, 10, 200, 10, *[1] * 12]
    store.upsert(
        PageVectors(f"p{number}", "h", np.ones((tokens, DIM), np.float32), {"document": "d"})
        for number, tokens in enumerate(lengths)
    )
    assert sizes == [3, 1, 8, 5]
    assert len(store) == len(lengths)
