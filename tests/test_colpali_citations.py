"""A page without text is cited by where to look, and nothing about it is called verified."""

import io

import pytest
from fakes import Perfect
from PIL import Image as Pictures

from rag_reasoner import ReasoningReranker, Result
from rag_reasoner.errors import InvalidInput
from rag_reasoner.pages import highlight, highlight_regions
from rag_reasoner.pages.marking import COLOUR
from rag_reasoner.results.notes import NOTE, noted_regions, page_note
from rag_reasoner.types import Box, Candidate, Document, Image

QUESTION = "When did the museum open?"
REGIONS = (Box(0.25, 0.25, 0.5, 0.5), Box(0.75, 0.75, 1.0, 1.0))


def scan(text=""):
    data = io.BytesIO()
    Pictures.new("RGB", (80, 80), "white").save(data, "PNG")
    return Candidate(Document("scan", text, Image(data=data.getvalue())), 0, {"colpali": 9.0}, REGIONS)


def test_without_a_model_a_page_without_text_is_cited_by_its_regions():
    (judged,) = ReasoningReranker("lexical", keep="all").rerank(QUESTION, [scan()]).ranked
    (citation,) = judged.citations
    assert (citation.boxes, citation.quote, citation.verified) == (REGIONS, "", "none")
    assert "no text" in judged.reasoning


def test_a_page_with_text_is_cited_by_its_words_alone():
    (judged,) = ReasoningReranker("lexical").rerank(QUESTION, [scan("The museum did open in 1962.")]).ranked
    assert all(citation.boxes == () for citation in judged.citations)
    assert judged.candidate.regions == REGIONS


def test_an_answer_cites_a_page_without_text_by_its_regions():
    result = ReasoningReranker(Perfect(), keep="all").answer(QUESTION, [scan()])
    (citation,) = result.answer.citations
    assert (citation.boxes, citation.verified) == (REGIONS, "none")


def test_a_result_keeps_its_regions_as_json():
    result = ReasoningReranker("lexical", keep="all").rerank(QUESTION, [scan()])
    read = Result.from_json(result.to_json())
    assert read.ranked[0].candidate.regions == read.ranked[0].citations[0].boxes == REGIONS


def test_a_frameworks_metadata_keeps_them_too():
    assert noted_regions({NOTE: page_note(scan())}) == REGIONS
    assert noted_regions({}) == noted_regions({NOTE: {}}) == noted_regions({NOTE: "other"}) == ()


@pytest.mark.parametrize("drawn", [lambda one: highlight_regions(one), lambda one: highlight(one.document, cited(one))])
def test_regions_are_drawn_where_they_are_and_nowhere_else(drawn):
    picture = drawn(scan())
    assert picture.getpixel((30, 30)) == picture.getpixel((70, 70)) == COLOUR
    assert picture.getpixel((10, 10)) == picture.getpixel((60, 30)) == (255, 255, 255)


def cited(candidate):
    return ReasoningReranker("lexical", keep="all").rerank(QUESTION, [candidate]).ranked[0].citations


def test_a_page_without_a_picture_has_nothing_to_draw_on():
    with pytest.raises(InvalidInput, match="notes has no picture"):
        highlight_regions(Candidate(Document("notes", "words"), regions=REGIONS))
