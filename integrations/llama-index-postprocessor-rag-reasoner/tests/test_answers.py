"""Pages in, a grounded answer out, in LlamaIndex's own engine."""

import asyncio
import copy
import json

import pytest
from conftest import QUESTION, Shelf
from llama_index.core.base.llms.types import CitationBlock
from llama_index.core.base.response.schema import AsyncStreamingResponse, StreamingResponse
from llama_index.core.callbacks import CallbackManager, CBEventType, LlamaDebugHandler
from llama_index.core.instrumentation.events.synthesis import SynthesizeEndEvent
from llama_index.core.query_engine import RetrieverQueryEngine
from llama_index.core.schema import NodeWithScore, TextNode
from llama_index.postprocessor.rag_reasoner import GroundedSynthesizer, PageRetriever, citation_blocks
from llama_index.postprocessor.rag_reasoner.convert import candidates_of

from rag_reasoner import Candidate, Document, Image, LexicalRetriever, ReasoningReranker, read
from rag_reasoner.errors import BackendError

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


class Finds:
    """A first stage that finds what it is told to."""

    def __init__(self, *candidates):
        self.candidates = list(candidates)

    def retrieve(self, query, k=20):
        return self.candidates[:k]


def test_no_page_is_lost_to_an_id_that_comes_twice():
    pages = PageRetriever(Finds(*(Candidate(Document("a", f"{n}"), n) for n in range(3))))
    assert [one.node.node_id for one in pages.retrieve(QUESTION)] == ["a", "a~2", "a~3"]


def test_the_score_is_the_newest_that_agrees_with_the_order():
    def scores(*given):
        pages = PageRetriever(Finds(*(Candidate(Document(str(n), f"{n}"), n, one) for n, one in enumerate(given))))
        return [one.score for one in pages.retrieve(QUESTION)]

    assert scores({"lexical": 1.0, "fused": 0.9}, {"lexical": 2.0, "fused": 0.8}) == [0.9, 0.8]
    assert scores({"lexical": 2.0, "late": 0.1}, {"lexical": 1.0, "late": 0.8}) == [2.0, 1.0]
    assert scores({"lexical": 2.0, "fused": 0.9}, {"lexical": 1.0, "fused": 0.8}) == [0.9, 0.8]
    assert scores({"lexical": 1.0}, {"lexical": 2.0}) == [1.0, 0.5]
    assert scores({}, {}) == [1.0, 0.5]
    assert scores() == []


def test_a_page_comes_back_from_its_node_as_it_was():
    pictures = Image(data=b"1", media_type="image/png"), Image("a.png"), Image(url="https://example.org/a.png"), None
    documents = [
        Document(f"p{n}", "The museum opened.", image, "town.pdf", n, "Town", metadata={"hidden_text": ((0, 3),)})
        for n, image in enumerate((*pictures, Image("town.pdf", 4, media_type="application/pdf")), 1)
    ]
    found = PageRetriever(Finds(*(Candidate(one, 0, {"lexical": 2.0}) for one in documents))).retrieve(QUESTION)
    assert [type(one.node).__name__ for one in found] == ["ImageNode"] * 3 + ["TextNode"] * 2
    back = candidates_of(found)
    assert [one.document for one in back] == documents
    assert {one.scores["lexical"] for one in back} == {2.0}


def test_nothing_empty_is_put_before_a_language_model():
    (found,) = PageRetriever(Finds(Candidate(Document("a", "words")))).retrieve(QUESTION)
    assert found.node.get_content("llm") == "words"


def test_a_citation_says_which_mark_it_is_and_what_it_cites(shelf, reranker):
    response = engine(shelf, reranker).query(QUESTION)
    (citation,) = response.metadata["rag_reasoner"]["citations"]
    assert f"[{citation['mark']}]" in str(response)
    assert response.source_nodes[citation["mark"] - 1].node.node_id == citation["document_id"]
    assert citation["source"] == "town.pdf"
    assert json.loads(json.dumps(response.metadata["rag_reasoner"])) == response.metadata["rag_reasoner"]


def test_citations_are_there_as_blocks_of_llama_index(shelf, reranker):
    (block,) = citation_blocks(engine(shelf, reranker).query(QUESTION))
    assert isinstance(block, CitationBlock)
    assert (block.cited_content.text, block.source) == ("The museum opened in 1962.", "town.pdf")
    assert block.additional_location_info == {"page": 7, "quote_start": 0, "quote_end": 26, "mark": 1}
    assert citation_blocks(engine(Shelf([]), reranker).query(QUESTION)) == []


async def test_streamed_it_is_the_same_answer_and_the_citations_are_there_before_the_first_word(shelf, reranker):
    whole = engine(shelf, reranker).query(QUESTION)
    streamed = engine(shelf, reranker, streaming=True).query(QUESTION)
    astreamed = await engine(shelf, reranker, streaming=True).aquery(QUESTION)
    assert isinstance(streamed, StreamingResponse)
    assert isinstance(astreamed, AsyncStreamingResponse)
    for response in (streamed, astreamed):
        assert response.metadata == whole.metadata
        assert response.source_nodes == whole.source_nodes
    assert len(words := list(streamed.response_gen)) > 2
    assert "".join(words) == str(whole)
    assert "".join([word async for word in astreamed.async_response_gen()]) == str(whole)


async def test_streamed_nothing_found_is_an_abstention_too(reranker):
    response = engine(Shelf([]), reranker, streaming=True).query(QUESTION)
    assert response.metadata["rag_reasoner"]["abstained"]
    assert "".join(response.response_gen).strip()


class Down:
    model_name, top_n = "down", None

    def answer(self, *args, **kwargs):
        raise BackendError("down")

    async def aanswer(self, *args, **kwargs):
        raise BackendError("down")


async def test_a_synthesis_that_fails_has_an_end_and_a_span_too(nodes, ear, spans):
    ours = GroundedSynthesizer(Down())
    with pytest.raises(BackendError):
        ours.synthesize(QUESTION, nodes)
    with pytest.raises(BackendError):
        await ours.asynthesize(QUESTION, nodes)
    names = [type(event).__name__ for event in ear.heard if type(event).__name__.startswith("Synth")]
    assert names == ["SynthesizeStartEvent", "SynthesizeEndEvent"] * 2
    dropped = " ".join(span.id_ for span in spans.dropped_spans)
    assert "GroundedSynthesizer.synthesize" in dropped
    assert "GroundedSynthesizer.asynthesize" in dropped


async def test_fifty_answers_at_once_are_what_fifty_in_turn_are(shelf, reranker):
    questions = [f"When did the museum open, {n}?" for n in range(50)]
    ours = engine(shelf, reranker)
    at_once = await asyncio.gather(*map(ours.aquery, questions))
    assert [one.response for one in at_once] == [ours.query(question).response for question in questions]
    assert [one.metadata for one in at_once] == [ours.query(question).metadata for question in questions]


def test_nodes_are_never_changed(shelf, reranker, nodes):
    before = copy.deepcopy(nodes)
    engine(shelf, reranker).query(QUESTION)
    assert nodes == before


def test_additional_source_nodes_are_kept(reranker, nodes):
    more = NodeWithScore(node=TextNode(id_="more", text="more"))
    response = GroundedSynthesizer(reranker).synthesize(QUESTION, nodes, additional_source_nodes=[more])
    assert response.source_nodes[-1] == more


def test_the_document_that_is_cited_is_among_the_sources_even_beyond_top_n():
    texts = {"spread": "The old city grew. A museum may open late.", "one": "The city museum did open in 1962."}
    nodes = [NodeWithScore(node=TextNode(id_=name, text=text)) for name, text in texts.items()]
    ours = GroundedSynthesizer(ReasoningReranker("lexical"), top_n=1)
    response = ours.synthesize("When did the old city museum open?", nodes)
    (citation,) = response.metadata["rag_reasoner"]["citations"]
    assert (citation["document_id"], citation["mark"]) == ("one", 2)
    assert [one.node.node_id for one in response.source_nodes] == ["spread", "one"]


def test_events_and_callbacks_tell_of_the_answer(shelf, reranker, ear):
    debug = LlamaDebugHandler(print_trace_on_end=False)
    engine(shelf, reranker, callback_manager=CallbackManager([debug])).query(QUESTION)
    assert any(isinstance(event, SynthesizeEndEvent) for event in ear.heard)
    assert debug.get_event_pairs(CBEventType.SYNTHESIZE)


async def test_bare_chunks_of_text_are_answered_from_too(reranker):
    synthesizer = GroundedSynthesizer(reranker)
    texts = ["Basalt is a rock.", "The museum opened in 1962."]
    assert synthesizer.get_response(QUESTION, texts).startswith("The museum")
    assert await synthesizer.aget_response(QUESTION, texts) == synthesizer.get_response(QUESTION, texts)
