"""`/rerank` in the shapes of seven servers: a score belongs to the document that its index names."""

import math

import pytest
from faulty_server import FaultyServer
from hypothesis import given
from hypothesis import strategies as st

from rag_reasoner import Document, ReasoningReranker
from rag_reasoner.backends.base import Completer, Judge
from rag_reasoner.backends.http.retry import Trouble
from rag_reasoner.backends.rerank_api import RerankAPI
from rag_reasoner.backends.rerank_api.dialects import SHAPES
from rag_reasoner.backends.rerank_api.wire import read, squashed
from rag_reasoner.errors import InvalidInput
from rag_reasoner.tasks import RelevanceTask, show
from rag_reasoner.types import Candidate, Image

KEYS = st.sampled_from(["results", "index", "relevance_score", "usage", "score"])
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(KEYS, inner),
)
WORTH = {"first": 0.2, "second": 0.9, "third": 0.5}


def pairs(texts=tuple(WORTH), query="Which?"):
    return [RelevanceTask(query, show(Candidate(Document(str(n), text), n))) for n, text in enumerate(texts)]


def served(dialect):
    """Scores by WORTH, best first, in the dialect's shape, as such servers do."""
    shape = SHAPES[dialect]

    def reply(body):
        documents = body[shape.listing]
        scored = [{"index": n, shape.score: WORTH[text]} for n, text in enumerate(documents)]
        scored.sort(key=lambda one: -one[shape.score])
        return scored if shape.bare else {"results": scored, "usage": {"total_tokens": 7}}

    return reply


@pytest.mark.parametrize("dialect", SHAPES)
def test_scores_come_back_to_their_documents_whatever_the_order_of_the_reply(dialect):
    with FaultyServer(served(dialect)) as server:
        backend = RerankAPI(server.url(), "m", dialect=dialect)
        judged = backend.judge(pairs())
        backend.close()
    assert sorted(range(3), key=lambda n: -judged[n].probability) == [1, 2, 0]
    if not SHAPES[dialect].raw:
        assert [one.probability for one in judged] == list(WORTH.values())


def test_it_judges_only_and_its_scores_are_no_probabilities():
    backend = RerankAPI("http://localhost:1", "m", dialect="vllm")
    assert isinstance(backend, Judge)
    assert not isinstance(backend, Completer)
    assert (backend.card.calibrated, backend.card.scores_only) == (False, True)


def test_nothing_is_dropped_by_a_threshold_on_scores():
    low = {f"page {n}": 0.01 * n for n in range(9)}
    with FaultyServer(lambda body: {"results": [{"index": n, "relevance_score": low[text]}
                                                for n, text in enumerate(body["documents"])]}) as server:  # fmt: skip
        backend = RerankAPI(server.url(), "m", dialect="vllm")
        result = ReasoningReranker(backend).rerank("Which?", list(low))
        backend.close()
    assert [one.candidate.position for one in result.ranked] == [8, 7, 6]
    assert {one.reason for one in result.dropped} == {"not among the best 3 by the scores of m"}


def test_queries_are_asked_apart_and_long_lists_in_parts():
    with FaultyServer(served("tei")) as server:
        backend = RerankAPI(server.url(), dialect="tei", batch=2)
        judged = backend.judge([*pairs(), *pairs(query="And?")])
        backend.close()
        assert sum(server.requests.values()) == 4
    assert [one.probability for one in judged] == [*WORTH.values()] * 2


@pytest.mark.parametrize(
    ("results", "known"),
    [
        ([{"index": 0, "relevance_score": 0.3}], [0.3, None]),
        ([{"index": 1, "relevance_score": 0.3}, {"index": 1, "relevance_score": 0.4}], [None, None]),
        ([{"index": -1, "relevance_score": 0.3}, {"index": 2, "relevance_score": 0.3}], [None, None]),
        ([{"index": True, "relevance_score": 0.3}, {"index": "0", "relevance_score": 0.3}, 7], [None, None]),
        ([{"index": 0, "relevance_score": "high"}, {"index": 1, "relevance_score": 0.3}], [None, 0.3]),
        ([{"index": 0, "relevance_score": math.nan}, {"index": 1, "relevance_score": 14.2}], [None, None]),
    ],
)
def test_a_score_that_cannot_be_placed_costs_its_document_only(results, known):
    judged = read({"results": results}, SHAPES["vllm"], 2)
    assert [one.probability for one in judged] == known
    assert all((one.probability is None) == (one.fault is not None) for one in judged)


@given(ANYTHING)
def test_whatever_a_server_says_every_document_has_a_score_or_a_fault(said):
    for shape in SHAPES.values():
        try:
            judged = read(said, shape, 3)
        except Trouble:
            continue
        assert len(judged) == 3
        assert all((one.probability is None) != (one.fault is None) for one in judged)


@given(st.lists(st.floats(-1e6, 1e6), min_size=2, unique_by=lambda value: round(value, 3)))
def test_scores_of_any_size_keep_their_order(scores):
    found = [squashed(score) for score in sorted(scores)]
    assert found == sorted(found)
    assert all(0 <= one <= 1 for one in found)


def test_images_go_where_the_dialect_takes_them_and_one_that_cannot_be_read_costs_itself():
    from PIL import Image as pillow

    from rag_reasoner.errors import Unreadable

    def load(image):
        if image.data == b"bad":
            raise Unreadable("an image", "it is damaged")
        return pillow.new("RGB", (4, 4))

    def reply(body):
        return {"results": [{"index": n, "relevance_score": 0.5} for n in range(len(body["documents"]))]}

    documents = [Document("a", image=Image(data=b"good")), Document("b", image=Image(data=b"bad"))]
    tasks = [RelevanceTask("q", show(Candidate(one, n), with_image=True)) for n, one in enumerate(documents)]
    for dialect, expected in (("vllm", b'"image_url"'), ("jina", b'{"image":"iVBOR')):
        with FaultyServer(reply) as server:
            backend = RerankAPI(server.url(), "m", dialect=dialect, reads_images=True, load_image=load)
            good, bad = backend.judge(tasks)
            backend.close()
            assert expected in server.bodies[0]
        assert (good.probability, bad.fault.kind) == (0.5, "image_unread")


@pytest.mark.parametrize(
    "wrong",
    [
        {"base_url": "localhost:80", "dialect": "tei"},
        {"base_url": "http://me:secret@host", "dialect": "tei"},
        {"base_url": "http://host", "dialect": "telepathy"},
        {"base_url": "http://host", "dialect": "cohere"},
        {"base_url": "http://host", "dialect": "tei", "reads_images": True},
    ],
)
def test_what_cannot_work_is_refused_at_once_without_repeating_secrets(wrong):
    with pytest.raises(InvalidInput) as raised:
        RerankAPI(**wrong)
    assert "secret" not in str(raised.value)
