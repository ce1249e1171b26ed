"""MaxSim is what its definition says, whatever the length, the type and the chunks."""

import numpy as np
import pytest
from page_vectors import naive_maxsim, random_page, random_query, unit

from rag_reasoner.errors import InvalidInput
from rag_reasoner.retrieve.maxsim import CHUNK_TOKENS, maxsim
from rag_reasoner.torchvision_guard import guard


def test_it_equals_a_naive_loop_in_float32():
    query, pages = random_query(), [random_page(number).vectors for number in range(20)]
    expected = [naive_maxsim(query, page) for page in pages]
    np.testing.assert_allclose(maxsim(query, pages), expected, atol=1e-5, rtol=0)


def test_it_equals_a_naive_loop_on_bfloat16_numbers():
    torch = pytest.importorskip("torch")
    query = torch.tensor(random_query()).bfloat16()
    pages = [torch.tensor(random_page(number).vectors).bfloat16() for number in range(5)]
    expected = [naive_maxsim(query.float().tolist(), page.float().tolist()) for page in pages]
    found = maxsim(query.float().numpy(), [page.float().numpy() for page in pages])
    np.testing.assert_allclose(found, expected, atol=1e-3, rtol=0)


def test_it_equals_the_scorer_of_colpali_engine():
    torch = pytest.importorskip("torch")
    guard()
    processing = pytest.importorskip("colpali_engine.utils.processing_utils")
    # Of one length: it fills shorter pages up with zeros, which are then the best tokens of a page unlike the query.
    query, pages = random_query(), [random_page(number, tokens=30).vectors for number in range(20)]
    scorer = processing.BaseVisualRetrieverProcessor.score_multi_vector
    expected = scorer([torch.tensor(query)], [torch.tensor(page) for page in pages], device="cpu")[0]
    np.testing.assert_allclose(maxsim(query, pages), expected.numpy(), atol=1e-5, rtol=0)


def test_in_bfloat16_it_is_nearer_to_the_definition_than_1e_3_where_the_scorer_of_colpali_engine_rounds():
    torch = pytest.importorskip("torch")
    guard()
    processing = pytest.importorskip("colpali_engine.utils.processing_utils")
    query = torch.tensor(random_query()).bfloat16()
    pages = [torch.tensor(random_page(number, tokens=12).vectors).bfloat16() for number in range(8)]
    scorer = processing.BaseVisualRetrieverProcessor.score_multi_vector
    rounded = scorer([query], pages, device="cpu")[0].float().numpy()
    found = maxsim(query.float().numpy(), [page.float().numpy() for page in pages])
    exact = [naive_maxsim(query.float().tolist(), page.float().tolist()) for page in pages]
    np.testing.assert_allclose(found, exact, atol=1e-3, rtol=0)
    np.testing.assert_allclose(found, rounded, rtol=2**-7)


def test_a_page_longer_than_a_chunk_is_scored_as_one():
    generator = np.random.default_rng(0)
    page = unit(generator.standard_normal((2 * CHUNK_TOKENS + 3, 8)))
    query = page[[0, CHUNK_TOKENS, 2 * CHUNK_TOKENS + 2]]
    np.testing.assert_allclose(maxsim(query, [page]), [3.0], atol=1e-5)


def test_a_page_without_tokens_is_behind_every_other():
    blank, against = np.empty((0, 16), np.float32), -random_query(tokens=1)
    assert maxsim(random_query(tokens=1), [blank, against]).tolist()[0] == -np.inf


@pytest.mark.parametrize("query", [np.empty((0, 16)), np.ones(16)])
def test_a_query_that_is_none_is_refused(query):
    with pytest.raises(InvalidInput, match="the query has the shape"):
        maxsim(query, [])


def test_a_page_of_another_dimension_is_refused():
    with pytest.raises(InvalidInput, match=r"a page has the shape \(3, 8\): it must be \(tokens, 16\)"):
        maxsim(random_query(), [np.ones((3, 8))])
