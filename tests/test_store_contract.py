"""What every page store does: the one in a folder, however it keeps numbers, and Qdrant's."""

import numpy as np
import pytest
from page_vectors import DIM, naive_maxsim, random_page, random_query

from rag_reasoner.errors import InvalidInput, RagReasonerError, StoreRefused
from rag_reasoner.retrieve.store.base import PageStore, PageVectors
from rag_reasoner.retrieve.store.local import LocalPageStore

PAGES = [random_page(number) for number in range(60)]


@pytest.fixture(params=["local", "local-float32", "local-int8", "local-pool", "qdrant", "qdrant-pool"])
def make(request, tmp_path):
    """Opens the same store again and again."""
    kind, _, variant = request.param.partition("-")
    options = {"pool": 2} if variant == "pool" else {"storage": variant} if variant else {}
    if kind == "local":
        return lambda **more: LocalPageStore(tmp_path / "store", **{"model": "m", "dim": DIM, **options, **more})
    client = pytest.importorskip("qdrant_client").QdrantClient(":memory:")
    from rag_reasoner.retrieve.store.qdrant import QdrantPageStore

    return lambda **more: QdrantPageStore(client, "pages", **{"model": "m", "dim": DIM, **options, **more})


@pytest.fixture
def store(make):
    store = make()
    store.upsert(PAGES)
    return store


def test_it_is_a_page_store(make):
    assert isinstance(make(), PageStore)


def test_an_empty_store_finds_nothing(make):
    assert make().search(random_query()) == []
    assert len(make()) == 0
    assert make().hashes() == {}


def test_search_orders_by_the_maxsim_of_what_is_stored(store):
    query = random_query()
    expected = {page.id: naive_maxsim(query, page.vectors) for page in store.fetch(page.id for page in PAGES)}
    hits = store.search(query, 10)
    assert [hit.id for hit in hits] == sorted(expected, key=lambda page: -expected[page])[:10]
    np.testing.assert_allclose([hit.score for hit in hits], [expected[hit.id] for hit in hits], atol=1e-2)


def test_a_hit_carries_its_payload(store):
    hit = store.search(random_query(), 1)[0]
    assert hit.payload == PAGES[int(hit.id[1:])].payload


def test_pages_come_back_in_the_order_asked_with_a_vector_for_every_token(store):
    asked = ["p7", "p0", "p59", "p7"]
    fetched = store.fetch(asked)
    assert [page.id for page in fetched] == asked
    for page in fetched:
        given = PAGES[int(page.id[1:])]
        assert (page.content_hash, page.payload) == (given.content_hash, given.payload)
        assert page.vectors.shape == given.vectors.shape
        if store.identity.pool == 1:
            np.testing.assert_allclose(page.vectors, given.vectors, atol=5e-3)


def test_an_unknown_page_is_named(store):
    with pytest.raises(InvalidInput, match="page 'nowhere' is not in the store"):
        store.fetch(["p1", "nowhere"])


def test_a_page_takes_the_place_of_the_one_with_its_id(store):
    newer = random_page(3, seed=1, document="another")
    store.upsert([random_page(3, seed=2), newer])
    assert len(store) == len(PAGES)
    assert store.hashes()["p3"] == newer.content_hash
    assert store.fetch(["p3"])[0].payload == newer.payload
    assert store.search(newer.vectors, 1)[0].id == "p3"


def test_what_was_stored_is_there_when_it_is_opened_again(make, store):
    again = make()
    assert again.hashes() == {page.id: page.content_hash for page in PAGES}
    assert again.search(random_query(), 5) == store.search(random_query(), 5)


def test_a_document_is_deleted_with_all_its_pages(make, store):
    assert store.delete("doc2") == 12
    assert store.delete("doc2") == 0
    assert len(make()) == 48
    assert not {hit.payload["document"] for hit in make().search(random_query(), 60)} & {"doc2"}


def test_several_documents_are_deleted_at_once_but_for_pages_that_are_kept(make, store):
    kept = {page.id for page in PAGES if page.payload["document"] == "doc2"} - {"p2", "p7"}
    assert store.delete(["doc2", "doc3", "nowhere"], keep=[*kept, "p0"]) == 14
    left = {page.id for page in PAGES if page.payload["document"] not in ("doc2", "doc3")} | kept
    assert make().hashes().keys() == left
    assert store.delete([]) == 0
    assert len(make()) == len(left)


@pytest.mark.parametrize(
    ("where", "wanted"),
    [
        ({"document": "doc1"}, lambda page: page["document"] == "doc1"),
        ({"document": ["doc1", "doc3"], "kind": "scan"}, lambda page: page["page"] % 5 in (1, 3) and page["page"] % 2),
        ({"page": 7}, lambda page: page["page"] == 7),
        ({"colour": "red"}, lambda page: False),
    ],
)
def test_only_what_matches_is_found(store, where, wanted):
    found = {hit.id for hit in store.search(random_query(), 60, where=where)}
    assert found == {page.id for page in PAGES if wanted(page.payload)}


@pytest.mark.parametrize("where", [{"document": []}, {"document": None}, {"document": {"of": "a"}}])
def test_a_filter_that_is_none_is_refused(store, where):
    with pytest.raises(InvalidInput, match="give a text, a number"):
        store.search(random_query(), 5, where=where)


def test_a_blank_page_is_kept_but_never_found(store):
    blank = random_page(100, tokens=0)
    store.upsert([blank, random_page(101, tokens=1)])
    assert store.hashes()["p100"] == blank.content_hash
    assert store.fetch(["p100"])[0].vectors.shape == (0, DIM)
    found = [hit.id for hit in store.search(random_query(), 100)]
    assert "p101" in found
    assert "p100" not in found


def test_a_page_of_zeros_is_no_error(store):
    store.upsert([PageVectors("p200", "h", np.zeros((4, DIM), np.float32), {"document": "zeros"})])
    hits = store.search(random_query(), 1, where={"document": "zeros"})
    assert [hit.id for hit in hits] == ["p200"]
    assert abs(hits[0].score) < 10


def broken(number=300, **fields):
    page = random_page(number, tokens=4)
    return PageVectors(**{name: fields.get(name, getattr(page, name)) for name in PageVectors.__dataclass_fields__})


@pytest.mark.parametrize(
    ("page", "words"),
    [
        (broken(vectors=np.full((2, DIM), np.nan, np.float32)), "p300.*not finite"),
        (broken(vectors=np.full((2, DIM), np.inf, np.float16)), "p300.*not finite"),
        (broken(vectors=np.full((2, DIM), 1e9, np.float32)), "p300.*above 65,504"),
        (broken(vectors=np.ones((2, DIM + 1), np.float32)), r"p300.*\(2, 17\), this store holds \(tokens, 16\)"),
        (broken(vectors=np.ones(DIM, np.float32)), r"p300.*\(16,\)"),
        (broken(vectors=np.ones((70_000, DIM), np.float16)), "p300.*70,000 tokens are more than"),
        (broken(vectors=np.full((2, DIM), "a")), "p300.*not numbers"),
        (broken(id=""), "page id ''"),
        (broken(payload={}), "p300.*must name its 'document'"),
        (broken(payload={"document": "d", "x": object()}), "p300.*JSON"),
        (broken(payload={"document": "d", "x": float("nan")}), "p300.*JSON"),
        (broken(payload={"document": "d", "x": "\ud800"}), "p300.*JSON"),
    ],
)
def test_a_page_that_cannot_be_stored_is_named_and_nothing_changes(store, page, words):
    before = dict(store.hashes())
    with pytest.raises(InvalidInput, match=words):
        store.upsert([page])
    assert store.hashes() == before


@pytest.mark.parametrize("query", [np.ones((3, DIM + 1)), np.ones((0, DIM)), np.full((1, DIM), np.nan), np.ones(DIM)])
def test_a_query_that_cannot_be_compared_is_refused(store, query):
    with pytest.raises(InvalidInput, match="the query"):
        store.search(query)


@pytest.mark.parametrize("k", [0, -1])
def test_no_page_cannot_be_asked_for(store, k):
    with pytest.raises(InvalidInput, match="asks for no page"):
        store.search(random_query(), k)


def test_more_than_there_are_is_all_there_are(store):
    assert len(store.search(random_query(), 10_000)) == len(PAGES)


@pytest.mark.parametrize(
    "other", [{"model": "other"}, {"dim": 8}, {"storage": "binary"}, {"pool": 5}, {"settings": {"revision": "2"}}]
)
def test_a_store_of_another_model_or_setting_is_refused(make, store, other):
    with pytest.raises(StoreRefused, match=rf"was made with {next(iter(other))}="):
        make(**other)
    assert len(make()) == len(PAGES)


@pytest.mark.parametrize("wrong", [{"model": ""}, {"dim": 0}, {"storage": "int3"}, {"pool": 0}])
def test_settings_that_cannot_be_are_refused(make, wrong):
    with pytest.raises(InvalidInput):
        make(**wrong)


def test_to_make_a_store_its_model_must_be_known(make):
    with pytest.raises(RagReasonerError, match="give the model and the dim"):
        make(model=None, dim=None)


def test_a_store_that_is_there_needs_no_settings(make, store):
    again = make(model=None, dim=None, storage=None, pool=None)
    assert again.identity == store.identity


def test_pages_are_taken_one_by_one(make):
    alive = 0

    class Counted(np.ndarray):
        def __del__(self):
            nonlocal alive
            alive -= 1

    def pages():
        nonlocal alive
        for number in range(40):
            alive += 1
            page = random_page(number)
            yield PageVectors(page.id, page.content_hash, page.vectors.copy().view(Counted), page.payload)
            assert alive <= 16

    make().upsert(pages())
    assert len(make()) == 40
