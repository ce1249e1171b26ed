"""Several first stages as one: fused by ranks alone, nothing lost on the way."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag_reasoner import LexicalRetriever
from rag_reasoner.errors import InvalidInput
from rag_reasoner.retrieve.base import Retriever
from rag_reasoner.retrieve.hybrid import HybridRetriever
from rag_reasoner.types import Box, Candidate, Document, Image, Word

QUESTION = "When did the museum open?"


def page(number, source="town.pdf", **about):
    return Document(f"{source}#p{number}", source=source, page=number, **about)


class Fixed:
    """A first stage that always finds the same."""

    def __init__(self, name, *pages, regions=()):
        self.name, self.pages, self.regions = name, pages, regions
        self.asked = []

    def retrieve(self, query, k=20):
        self.asked.append(k)
        pages = [page(one) if isinstance(one, int) else one for one in self.pages]
        return [Candidate(one, place, {self.name: 100.0 - place}, self.regions) for place, one in enumerate(pages[:k])]


def found(hybrid, k=20):
    return [one.document.page for one in hybrid.retrieve(QUESTION, k)]


def test_scores_are_the_sums_of_reciprocal_ranks():
    hybrid = HybridRetriever(Fixed("lexical", 1, 2, 3), Fixed("colpali", 3, 1))
    scores = {one.document.page: one.scores["hybrid"] for one in hybrid.retrieve(QUESTION)}
    assert scores == pytest.approx({1: 1 / 61 + 1 / 62, 3: 1 / 63 + 1 / 61, 2: 1 / 62})
    assert found(hybrid) == [1, 3, 2]


def test_every_candidate_keeps_its_scores_apart():
    first, *_, last = HybridRetriever(Fixed("lexical", 1, 2), Fixed("colpali", 2, 1, 3)).retrieve(QUESTION)
    assert (first.scores["lexical"], first.scores["colpali"]) == (100.0, 99.0)
    assert set(last.scores) == {"colpali", "hybrid"}


def test_weights_move_the_order_and_zero_only_adds_scores():
    stages = Fixed("lexical", 1, 2), Fixed("colpali", 2, 3)
    assert found(HybridRetriever(*stages, weights=(3, 1))) == [2, 1, 3]
    assert found(HybridRetriever(*stages, weights=(1, 0))) == [1, 2]
    (_, second) = HybridRetriever(*stages, weights=(1, 0)).retrieve(QUESTION)
    assert second.scores["colpali"] == 100.0


def test_a_smaller_constant_favours_the_first():
    stages = Fixed("lexical", 1, 2, 3), Fixed("colpali", 4, 2, 3)
    assert found(HybridRetriever(*stages))[:2] == [2, 3]
    assert found(HybridRetriever(*stages, constant=1))[:2] == [2, 1]


def test_pages_are_told_apart_by_source_and_page_and_not_by_id():
    same_id = Document("p1", source="a.pdf", page=1), Document("p1", source="b.pdf", page=1)
    another_id = Document("another", source="a.pdf", page=1)
    hybrid = HybridRetriever(Fixed("lexical", *same_id), Fixed("colpali", another_id))
    assert [(one.document.source, len(one.scores)) for one in hybrid.retrieve(QUESTION)] == [("a.pdf", 3), ("b.pdf", 2)]


def test_documents_without_pages_are_told_apart_by_id():
    notes = Document("one"), Document("two"), Document("one", source="a.md")
    assert len(HybridRetriever(Fixed("lexical", *notes)).retrieve(QUESTION)) == 3


def test_a_page_has_what_either_stage_knows_of_it():
    word = Word(0, 4, Box(0, 0, 1, 1))
    read = page(1, text="text", words=(word,))
    seen = page(1, image=Image(path="town.pdf", page=1))
    region = (Box(0.1, 0.1, 0.2, 0.2),)
    for stages in (
        (Fixed("lexical", read), Fixed("colpali", seen, regions=region)),
        (Fixed("colpali", seen, regions=region), Fixed("lexical", read)),
    ):
        (one,) = HybridRetriever(*stages).retrieve(QUESTION)
        assert (one.document.text, one.document.words, one.regions) == ("text", (word,), region)
        assert one.document.image == seen.image


def test_words_never_go_with_another_text():
    stages = Fixed("a", page(1, text="mine")), Fixed("b", page(1, text="theirs", words=(Word(0, 6, Box(0, 0, 1, 1)),)))
    (one,) = HybridRetriever(*stages).retrieve(QUESTION)
    assert (one.document.text, one.document.words) == ("mine", ())


def test_each_stage_is_asked_for_enough():
    stage = Fixed("lexical", *range(1, 300))
    assert len(HybridRetriever(stage, depth=5).retrieve(QUESTION, k=7)) == 7
    HybridRetriever(stage, depth=50).retrieve(QUESTION, k=7)
    assert stage.asked == [7, 50]


def test_a_stage_that_finds_nothing_changes_nothing():
    assert found(HybridRetriever(Fixed("lexical"), Fixed("colpali", 2, 1))) == [2, 1]
    assert HybridRetriever(Fixed("lexical")).retrieve(QUESTION) == []


def test_it_fuses_a_real_first_stage_and_is_one():
    pages = [page(n, text=f"The museum opened in {1900 + n}.") for n in range(1, 5)]
    hybrid = HybridRetriever(LexicalRetriever(pages), Fixed("colpali", 4))
    assert isinstance(hybrid, Retriever)
    assert set(found(hybrid)) == {1, 2, 3, 4}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"weights": (1,)}, "1 weights for 2"),
        ({"weights": (1, -1)}, "from 0 up"),
        ({"weights": (0, 0)}, "not all of them 0"),
        ({"weights": (1, float("nan"))}, "from 0 up"),
        ({"constant": 0}, "constant=0"),
        ({"depth": 0}, "depth=0"),
    ],
)
def test_what_makes_no_sense_is_refused(options, said):
    with pytest.raises(InvalidInput, match=said):
        HybridRetriever(Fixed("lexical"), Fixed("colpali"), **options)


def test_nothing_to_fuse_is_refused():
    with pytest.raises(InvalidInput, match="at least one"):
        HybridRetriever()


@pytest.mark.parametrize(("query", "k"), [(" ", 5), (QUESTION, 0)])
def test_an_empty_question_and_no_pages_are_refused(query, k):
    with pytest.raises(InvalidInput):
        HybridRetriever(Fixed("lexical", 1)).retrieve(query, k)


lists = st.lists(st.integers(1, 20), unique=True, max_size=12)


@given(lists, lists, st.integers(1, 12))
def test_the_order_is_that_of_the_scores_and_no_page_comes_twice(one, other, k):
    fused = HybridRetriever(Fixed("lexical", *one), Fixed("colpali", *other), depth=20).retrieve(QUESTION, k)
    scores = [candidate.scores["hybrid"] for candidate in fused]
    assert scores == sorted(scores, reverse=True)
    pages = [candidate.document.page for candidate in fused]
    assert len(set(pages)) == len(pages) == min(k, len({*one, *other}))
    assert [candidate.position for candidate in fused] == list(range(len(fused)))
