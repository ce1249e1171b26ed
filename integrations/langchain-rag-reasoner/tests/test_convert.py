"""What a document says reaches the reranker: its page, title, scores, hidden text and picture, in whatever form."""

import base64
import io
from pathlib import Path

import pytest
from conftest import QUESTION, Shelf
from langchain_core.documents import Document
from langchain_core.documents.base import Blob
from langchain_rag_reasoner import GroundedAnswer, PageRetriever, ReasoningCompressor
from langchain_rag_reasoner.citations import annotations
from langchain_rag_reasoner.convert import candidates_of
from langchain_rag_reasoner.images import UNREADABLE, is_reference, looks_like_image, read_image
from PIL import Image as Pillow

from rag_reasoner import Candidate, LexicalRetriever, ReasoningReranker, Result
from rag_reasoner import Document as Page
from rag_reasoner.results.notes import NOTE, page_note
from rag_reasoner.types import Answer, Citation, Dropped, Image, Judgement


def noise():
    buffer = io.BytesIO()
    Pillow.effect_noise((40, 30), 60).save(buffer, format="PNG")
    return buffer.getvalue()


PNG = noise()
BASE64 = base64.b64encode(PNG).decode()


def read(content="", metadata=None, **options):
    (candidate,) = candidates_of([Document(page_content=content, metadata=metadata or {}, **options)])
    return candidate


@pytest.mark.parametrize(
    ("metadata", "page"),
    [
        ({"page": 0}, 1),
        ({"page_number": 4, "page": 9}, 4),
        ({"page_label": "7", "page": 9}, 7),
        ({"page_label": "iv", "page": 9}, 10),
        ({"page_label": "7", NOTE: {"page": 3}}, 3),
        ({"page": "five"}, None),
        ({}, None),
    ],
)
def test_pages_count_from_one_whatever_the_loader_says(metadata, page):
    assert read(metadata=metadata).document.page == page


def test_what_the_step_before_noted_is_read_again():
    hidden = Page("a", "Shown. Hidden.", Image("a.pdf", 3), page=3, metadata={"hidden_text": ((7, 14),)})
    note = page_note(Candidate(hidden, scores={"lexical": 2.5}))
    candidate = read("Shown. Hidden.", {NOTE: note, "image_path": "other.png"})
    assert candidate.scores == {"lexical": 2.5}
    assert candidate.document.metadata["hidden_text"] == ((7, 14),)
    assert (candidate.document.image.path, candidate.document.image.page) == ("a.pdf", 3)


def test_titles_and_ids_come_from_where_they_are():
    assert read(metadata={"title": None}).document.title == ""
    assert read(metadata={"title": "Report"}).document.title == "Report"
    assert read(metadata={"id": 17}).document.id == "17"
    assert read(metadata={"id": 17}, id="own").document.id == "own"
    assert read().document.id == "0"


@pytest.mark.parametrize("text", [BASE64, f"data:image/png;base64,{BASE64}"])
def test_a_picture_in_place_of_text_is_never_read_as_text(text):
    document = read(text).document
    assert (document.text, document.image.data) == ("", PNG)


@pytest.mark.parametrize(
    "text", ["/9j/ is how base64 of a JPEG begins", "UKLGR", "iVBORw0KGgo", "data: image/png", "data:image/png,raw", ""]
)
def test_text_that_only_begins_like_a_picture_is_text(text):
    assert not looks_like_image(text)
    assert read(text).document.text == text


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("image", bytearray(PNG)),
        ("image", memoryview(PNG)),
        ("image_base64", base64.encodebytes(PNG).decode()),
        ("image_base64", base64.b64encode(b"BM" + PNG).decode()),
        ("image_data", f"DATA:image/png;charset=utf-8;base64,{BASE64}"),
        ("image", {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": BASE64}}),
        ("image", {"type": "image", "source_type": "base64", "data": BASE64, "mime_type": "image/png"}),
    ],
)
def test_bytes_are_taken_in_every_form(key, value):
    data = read(metadata={key: value}).document.image.data
    assert data.endswith(PNG)
    assert not is_reference(value, key)


@pytest.mark.parametrize(
    ("value", "image"),
    [
        (Path("page.png"), Image("page.png")),
        ("file:///a%20b.png", Image("/a b.png")),
        ("HTTPS://example.org/a.png", Image(url="HTTPS://example.org/a.png")),
        ({"type": "image", "source": {"type": "url", "url": "http://a.org/b"}}, Image(url="http://a.org/b")),
        ({"path": "page.png"}, Image("page.png")),
    ],
)
def test_references_stay_references(value, image):
    assert read_image(value) == image
    assert is_reference(value)


def test_what_names_no_image_is_none_and_what_holds_an_unreadable_one_is_told():
    assert [read_image(value) for value in (None, "", " ", 7, True, ["a.png"])] == [None] * 6
    assert read_image({"type": "image", "file_id": "file-7"}) == UNREADABLE
    assert read_image("data:image/png;base64,???") == UNREADABLE
    assert read_image(Blob.model_construct(data=None, path=None)) == UNREADABLE


def test_unread_documents_never_take_more_room_than_top_n_leaves(reranker, documents):
    given = [*documents, Document(id="scan", page_content="", metadata={"image_path": "a.png"})]
    for limited in (ReasoningReranker("lexical", top_n=3), reranker):
        found = ReasoningCompressor(limited, top_n=None if limited.top_n else 3).compress_documents(given, QUESTION)
        assert len(found) == 3


async def test_awaited_top_n_and_titles_hold_too(reranker, documents, shelf):
    assert len(await ReasoningCompressor(reranker, top_n=1).acompress_documents(documents, QUESTION)) == 1
    message = await GroundedAnswer(shelf, reranker, top_n=1).ainvoke(QUESTION)
    assert len(message.response_metadata["documents"]) == 1


def test_a_tool_gives_five_documents_unless_told_otherwise(reranker):
    many = [Document(id=str(n), page_content=f"The museum opened in {n}.") for n in range(12)]
    asked = {"type": "tool_call", "id": "1", "name": "search_documents", "args": {"question": QUESTION}}
    sizes = [
        len(reranker.as_tool(retriever=Shelf(documents=many), **options).invoke(asked).artifact)
        for options in ({}, {"top_n": 2})
    ]
    assert sizes == [5, 2]


def test_a_citation_beyond_the_ranking_keeps_its_source_and_the_first_mark_counts():
    pages = [Candidate(Page(str(n), "Text.", source=f"{n}.pdf", title="T" * n), n) for n in range(2)]
    cited = tuple(Citation(str(n), None, "Text.", 0, 5, verified="exact", position=n) for n in range(2))
    answer = Answer("One [1], again [1].", cited)
    result = Result("q", (Judgement(pages[0], 1),), (Dropped(pages[1], None, "beyond top_n"),), answer)
    first, second = annotations(result, answer)
    assert (first["title"], first["start_index"], first["end_index"]) == ("0.pdf", 4, 7)
    assert second["title"] == "T"
    assert "start_index" not in second


def test_pages_say_nothing_where_there_is_nothing_to_say():
    (page,) = PageRetriever(LexicalRetriever([Page("note", "The museum opened in 1962.")])).invoke(QUESTION)
    assert page.metadata.keys() == {NOTE}
