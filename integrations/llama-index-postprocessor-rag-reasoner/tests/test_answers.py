"""Pages in, a grounded answer out, in LlamaIndex's own engine."""

from conftest import QUESTION, Shelf
from llama_index.core.callbacks import CallbackManager, CBEventType, LlamaDebugHandler
from llama_index.core.instrumentation.events.synthesis import SynthesizeEndEvent
from llama_index.core.query_engine import RetrieverQueryEngine
from llama_index.postprocessor.rag_reasoner import GroundedSynthesizer, PageRetriever

from rag_reasoner import LexicalRetriever, ReasoningReranker, read

ASKED = "How many cases were in the inventory in FY 2015?"


def engine(retriever, reranker, **options):
    return RetrieverQueryEngine(retriever, response_synthesizer=GroundedSynthesizer(reranker, **options))


async def test_the_answer_carries_a_verified_citation(shelf, reranker, nodes):
    for response in (engine(shelf, reranker).query(QUESTION), await engine(shelf, reranker).aquery(QUESTION)):
        (citation,) = response.metadata["rag_reasoner"]["citations"]
        assert str(response) == "The museum opened in 1962. [1]"
        assert (citation["document_id"], citation["page"], citation["verified"]) == ("museum", 7, "exact")
        text = nodes[1].node.get_content()
        assert text[citation["quote_start"] : citation["quote_end"]] == citation["quote"]
        assert response.source_nodes[0].node.node_id == "museum"
        assert response.metadata["museum"]["file_name"] == "town.pdf"


def test_nothing_found_is_an_abstention(reranker):
    response = engine(Shelf([]), reranker).query(QUESTION)
    assert response.metadata["rag_reasoner"]["abstained"]
    assert response.source_nodes == []


def test_pages_have_stable_ids_and_their_citations_boxes(example_pdfs):
    pages = PageRetriever(LexicalRetriever(read(example_pdfs).documents), k=5)
    found = pages.retrieve(ASKED)
    assert len(found) == 5
    assert all("#p" in one.node.node_id and one.score > 0 for one in found)
    citation = engine(pages, ReasoningReranker("lexical")).query(ASKED).metadata["rag_reasoner"]["citations"][0]
    assert citation["boxes"]
    assert all(0 <= edge <= 1 for box in citation["boxes"] for edge in box)


async def test_pages_are_found_the_same_way_when_awaited(example_pdfs):
    pages = PageRetriever(LexicalRetriever(read(example_pdfs).documents), k=5)
    assert await pages.aretrieve(ASKED) == pages.retrieve(ASKED)


def test_events_and_callbacks_tell_of_the_answer(shelf, reranker, ear):
    debug = LlamaDebugHandler(print_trace_on_end=False)
    engine(shelf, reranker, callback_manager=CallbackManager([debug])).query(QUESTION)
    assert any(isinstance(event, SynthesizeEndEvent) for event in ear.heard)
    assert debug.get_event_pairs(CBEventType.SYNTHESIZE)


def test_bare_chunks_of_text_are_answered_from_too(reranker):
    synthesizer = GroundedSynthesizer(reranker)
    assert synthesizer.get_response(QUESTION, ["Basalt is a rock.", "The museum opened in 1962."]).startswith(
        "The museum"
    )
