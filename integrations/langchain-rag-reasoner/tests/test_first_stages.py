"""Any first stage of ours: by words, by sight, or both; what it found travels with the documents and back."""

import pytest
from langchain_rag_reasoner import PageRetriever, ReasoningRetriever
from langchain_rag_reasoner.convert import candidates_of

from rag_reasoner import Document, LexicalRetriever, ReasoningReranker
from rag_reasoner.retrieve.hybrid import HybridRetriever
from rag_reasoner.types import Box, Candidate, Image

QUESTION = "When did the museum open?"
REGION = Box(0.1, 0.2, 0.3, 0.4)
PAGES = [
    Document(f"town.pdf#p{n}", words, Image("town.pdf", n, media_type="application/pdf"), "town.pdf", n)
    for n, words in enumerate(("The museum did open in 1962.", "The river.", ""), 1)
]


class BySight:
    """Finds as ColPaliRetriever does: all pages, the last first, each with a region."""

    def retrieve(self, query, k=20):
        return [Candidate(one, n, {"colpali": 9.0 - n}, (REGION,)) for n, one in enumerate(PAGES[::-1][:k])]


STAGES = {
    "lexical": LexicalRetriever(PAGES),
    "colpali": BySight(),
    "hybrid": HybridRetriever(LexicalRetriever(PAGES), BySight()),
}


@pytest.mark.parametrize("name", STAGES)
def test_scores_and_regions_come_with_the_pages_and_go_back(name):
    found = STAGES[name].retrieve(QUESTION, 3)
    documents = PageRetriever(STAGES[name], k=3).invoke(QUESTION)
    back = candidates_of(documents)
    assert [one.id for one in documents] == [one.document.id for one in found]
    assert [(one.scores, one.regions) for one in back] == [(one.scores, one.regions) for one in found]
    assert [one.document.image for one in back] == [one.document.image for one in found]


@pytest.mark.parametrize("name", STAGES)
async def test_any_of_them_is_awaited(name):
    assert await PageRetriever(STAGES[name], k=3).ainvoke(QUESTION) == PageRetriever(STAGES[name], k=3).invoke(QUESTION)


def test_a_page_without_text_is_cited_by_where_to_look():
    retriever = ReasoningRetriever(PageRetriever(BySight()), ReasoningReranker("lexical", keep="all"))
    note = next(one for one in retriever.invoke(QUESTION) if one.id == "town.pdf#p3").metadata["rag_reasoner"]
    (citation,) = note["citations"]
    assert (citation["boxes"], citation["verified"]) == ([list(REGION)], "none")
    assert note["regions"] == [list(REGION)]
