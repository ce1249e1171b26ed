"""Where on a page the model sees what was asked for."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from rag_reasoner.retrieve.colpali import regions, similarity_map
from rag_reasoner.types import Box


def flat(tokens=3, rows=10, columns=8, value=0.1):
    return np.full((tokens, rows, columns), value, dtype=np.float32)


def test_a_map_is_the_products_of_tokens_and_cells():
    rng = np.random.default_rng(0)
    query, cells = (rng.normal(size=(n, 16)).astype(np.float32) for n in (3, 12))
    found = similarity_map(query, cells, 4, 3)
    assert found.shape == (3, 4, 3)
    assert found[2, 3, 1] == pytest.approx(float(query[2] @ cells[10]), abs=1e-5)


def test_a_region_is_a_box_around_what_is_pointed_at():
    similarity = flat()
    similarity[:, 2:4, 5:7] = 0.9
    assert regions(similarity) == (pytest.approx(Box(5 / 8, 0.2, 7 / 8, 0.4)),)


def test_the_hottest_region_comes_first_and_there_are_three_at_most():
    similarity = flat(rows=20, columns=20)
    for heat, place in zip((0.6, 0.9, 0.7, 0.8), (1, 6, 11, 16), strict=True):
        similarity[:, place, place] = heat
    found = regions(similarity)
    assert [round(box.left * 20) for box in found] == [6, 16, 11]


def test_tokens_may_point_at_different_places():
    similarity = flat()
    similarity[0, 1, 1] = similarity[1, 8, 6] = 0.9
    assert {(round(box.left * 8), round(box.top * 10)) for box in regions(similarity)} == {(1, 1), (6, 8)}


def test_a_token_that_fits_every_cell_points_nowhere():
    similarity = flat()
    similarity[0] = 0.95
    similarity[1, 4, 4] = 0.5
    assert regions(similarity) == (pytest.approx(Box(0.5, 0.4, 0.625, 0.5)),)


@pytest.mark.parametrize("similarity", [flat(), flat(tokens=0), flat(rows=0), flat() + 1e-5])
def test_a_page_where_nothing_stands_out_has_no_region(similarity):
    assert regions(similarity) == ()


@given(arrays.arrays(np.float32, st.tuples(*[st.integers(1, 6)] * 3), elements=st.floats(-1, 1, width=32)))
def test_boxes_lie_on_the_page(similarity):
    for box in regions(similarity):
        assert 0 <= box.left < box.right <= 1
        assert 0 <= box.top < box.bottom <= 1
