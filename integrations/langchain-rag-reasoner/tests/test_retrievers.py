"""Both retrievers pass LangChain's own suite, and the wrapper reranks."""

import pytest
from conftest import QUESTION, Shelf
from langchain_core.documents import Document
from langchain_core.tracers.run_collector import RunCollectorCallbackHandler
from langchain_rag_reasoner import PageRetriever, ReasoningRetriever
from langchain_tests.integration_tests import RetrieversIntegrationTests

from rag_reasoner import Document as Page
from rag_reasoner import LexicalRetriever, ReasoningReranker

PAGES = [Page(f"town.pdf#p{n}", f"The museum opened in {1900 + n}.", source="town.pdf", page=n) for n in range(1, 30)]


class WithoutLanguageModel(RetrieversIntegrationTests):
    @property
    def retriever_query_example(self) -> str:
        return QUESTION


class TestPageRetriever(WithoutLanguageModel):
    @property
    def retriever_constructor(self):
        return PageRetriever

    @property
    def retriever_constructor_params(self) -> dict:
        return {"first_stage": LexicalRetriever(PAGES)}


class TestReasoningRetriever(WithoutLanguageModel):
    @property
    def retriever_constructor(self):
        return ReasoningRetriever

    @property
    def retriever_constructor_params(self) -> dict:
        pages = PageRetriever(LexicalRetriever(PAGES), k=20)
        return {"base": pages, "reranker": ReasoningReranker("lexical", keep="all")}


def test_pages_carry_their_number_and_source():
    first = PageRetriever(LexicalRetriever(PAGES)).invoke("1907")[0]
    assert first.id == "town.pdf#p7"
    assert (first.metadata["source"], first.metadata["page_label"]) == ("town.pdf", "7")
    assert first.metadata["rag_reasoner"]["scores"]["lexical"] > 0


def test_a_page_found_here_is_cited_with_the_same_number():
    retriever = ReasoningRetriever(PageRetriever(LexicalRetriever(PAGES)), ReasoningReranker("lexical"), top_n=1)
    note = retriever.invoke("Did the museum open in 1907?")[0].metadata["rag_reasoner"]
    assert note["page"] == note["citations"][0]["page"] == 7


def test_nothing_found_asks_no_model():
    class Deaf:
        def rerank(self, *args, **kwargs):
            raise AssertionError("asked")

    assert ReasoningRetriever(Shelf(documents=[]), Deaf()).invoke(QUESTION) == []


@pytest.mark.parametrize("top_n", [1, 2])
def test_top_n_limits_what_is_given_back(shelf, reranker, top_n):
    assert len(ReasoningRetriever(shelf, reranker, top_n=top_n).invoke(QUESTION)) == top_n


def test_both_steps_show_in_the_trace(shelf, reranker):
    collector = RunCollectorCallbackHandler()
    ReasoningRetriever(shelf, reranker).invoke(QUESTION, {"callbacks": [collector]})
    (run,) = collector.traced_runs
    assert [child.name for child in run.child_runs] == ["Shelf", "ReasoningReranker"]


def test_documents_of_the_base_are_not_changed(shelf, reranker):
    before = [document.model_copy(deep=True) for document in shelf.documents]
    ReasoningRetriever(shelf, reranker).invoke(QUESTION)
    assert shelf.documents == before
    assert all(isinstance(document, Document) for document in before)
