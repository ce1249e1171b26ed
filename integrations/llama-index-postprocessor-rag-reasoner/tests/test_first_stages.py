"""Any first stage of ours: by words, by sight, or both; what it found travels with the nodes and back."""

import pytest
from llama_index.core.schema import QueryBundle
from llama_index.postprocessor.rag_reasoner import PageRetriever
from llama_index.postprocessor.rag_reasoner.convert import candidates_of

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
    nodes = PageRetriever(STAGES[name], k=3).retrieve(QUESTION)
    back = candidates_of(nodes)
    assert [one.node.node_id for one in nodes] == [one.document.id for one in found]
    assert [one.score for one in nodes] == [one.scores[name] for one in found]
    assert [(one.scores, one.regions) for one in back] == [(one.scores, one.regions) for one in found]
    assert [one.document.image for one in back] == [one.document.image for one in found]


@pytest.mark.parametrize("name", STAGES)
async def test_any_of_them_is_awaited(name):
    pages = PageRetriever(STAGES[name], k=3)
    awaited, found = await pages.aretrieve(QUESTION), pages.retrieve(QUESTION)
    assert [(one.node.node_id, one.score) for one in awaited] == [(one.node.node_id, one.score) for one in found]


def test_a_page_without_text_is_cited_by_where_to_look():
    nodes = PageRetriever(BySight()).retrieve(QUESTION)
    ranker = ReasoningReranker("lexical", keep="all").as_llama_index(top_n=3)
    ranked = ranker.postprocess_nodes(nodes, query_bundle=QueryBundle(QUESTION))
    note = next(one.node for one in ranked if one.node.node_id == "town.pdf#p3").metadata["rag_reasoner"]
    (citation,) = note["citations"]
    assert (citation["boxes"], citation["verified"]) == ([list(REGION)], "none")
    assert note["regions"] == [list(REGION)]
