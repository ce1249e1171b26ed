"""mteb's reranking tasks run with our rerankers; where mteb is not installed, its protocol is played by hand."""

import importlib.util

import pytest
from PIL import Image as pillow

from rag_reasoner import ReasoningReranker
from rag_reasoner.errors import InvalidInput, MissingExtra
from rag_reasoner.evaluate.mteb import ForMteb

HAVE_MTEB = importlib.util.find_spec("mteb") is not None
TEXTS = {"a": "The dog barks.", "b": "The cat sleeps on the mat.", "c": "Rain."}


class Corpus(list):
    """Rows, and columns by name: what the adapter needs of a data set."""

    def __getitem__(self, key):
        return [row[key] for row in self] if isinstance(key, str) else super().__getitem__(key)


CORPUS = Corpus({"id": one, "title": "", "text": text} for one, text in TEXTS.items())
QUERIES = [{"id": "q", "text": "Where does the cat sleep?"}, {"id": "other", "text": "no candidates"}]


def adapted():
    model = ForMteb(ReasoningReranker("lexical", keep="all"), "rag-reasoner/lexical")
    model.index(CORPUS, task_metadata=None, hf_split="test", hf_subset="default", encode_kwargs={}, num_proc=None)
    return model


def test_the_scores_say_what_the_order_says():
    found = adapted().search(QUERIES, top_k=2, top_ranked={"q": ["c", "a", "b"]}, hf_split="test")
    assert list(found) == ["q"]
    assert next(iter(found["q"].items())) == ("b", 1.0)
    assert len(found["q"]) == 2


def test_an_instruction_belongs_to_the_question():
    queries = [{"id": "q", "text": "Where?", "instruction": "Find the cat that sleeps."}]
    assert adapted().search(queries, top_k=1, top_ranked={"q": ["c", "a", "b"]}) == {"q": {"b": 1.0}}


def test_pictures_are_handed_on():
    corpus = Corpus([{"id": "p", "image": pillow.new("L", (2, 2))}, {"id": "t", "text": "A cat."}])
    model = adapted()
    model.index(corpus)
    assert list(model.search([{"id": "q", "text": "cat?"}], top_k=2, top_ranked={"q": ["p", "t"]})["q"]) == ["t", "p"]


def test_without_candidates_it_says_what_is_missing():
    with pytest.raises(InvalidInput, match="a reranker needs candidates"):
        adapted().search(QUERIES, top_k=3)
    with pytest.raises(InvalidInput, match="query 'q' has no text"):
        adapted().search([{"id": "q", "image": None}], top_k=3, top_ranked={"q": ["a"]})


@pytest.mark.skipif(HAVE_MTEB, reason="mteb is installed")
def test_without_mteb_the_extra_is_named():
    with pytest.raises(MissingExtra, match=r"rag-reasoner\[mteb\]"):
        _ = adapted().mteb_model_meta


@pytest.mark.skipif(not HAVE_MTEB, reason="needs the [mteb] extra")
@pytest.mark.filterwarnings("ignore")
def test_a_real_reranking_task_of_mteb_runs():
    import mteb
    from mteb.mocks.mock_tasks.reranking import MockRerankingTask
    from mteb.models.models_protocols import SearchProtocol

    model = ForMteb(ReasoningReranker("lexical"), "rag-reasoner/lexical")
    assert isinstance(model, SearchProtocol)
    found = mteb.evaluate(model, MockRerankingTask(), cache=None)
    assert found.model_name == "rag-reasoner/lexical"
    assert 0 <= found.task_results[0].get_score() <= 1
