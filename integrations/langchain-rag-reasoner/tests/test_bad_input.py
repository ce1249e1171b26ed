"""Nothing is silently dropped: what cannot be read or seen stays in the list and says so."""

import io

import pytest
from conftest import QUESTION, Shelf
from langchain_core.documents import Document
from langchain_rag_reasoner import GroundedAnswer, PageRetriever, ReasoningCompressor, ReasoningRetriever
from PIL import Image as Pillow

from rag_reasoner import Document as Page
from rag_reasoner import Image, LexicalRetriever, ReasoningReranker
from rag_reasoner.backends.base import Card, Judged
from rag_reasoner.errors import InvalidInput, Unreadable
from rag_reasoner.pages import load
from rag_reasoner.types import Fault


class Sighted:
    """A judge that looks: it reads images as the models do, and likes every document it can see."""

    card = Card("sighted", 10_000, reads_images=True)

    def __init__(self, root, *, allow_urls=False):
        self._root, self._allow_urls = root, allow_urls

    def count(self, messages):
        return 10

    def judge(self, tasks):
        return [self._judged(task.document.image) for task in tasks]

    async def ajudge(self, tasks):
        return self.judge(tasks)

    def _judged(self, image):
        try:
            return Judged(0.9 if image and load(image, image_roots=[self._root], allow_urls=self._allow_urls) else 0.1)
        except Unreadable as error:
            return Judged(None, Fault("image_unread", str(error)))


@pytest.fixture
def folder(tmp_path):
    """Where images may be read, and one beside it where they may not."""
    for name in ("inside", "outside"):
        (tmp_path / name).mkdir()
        Pillow.new("RGB", (40, 30), "white").save(tmp_path / name / "page.png")
    (tmp_path / "inside" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\nnothing")
    return tmp_path


def faults(document):
    return document.metadata["rag_reasoner"]["faults"]


def ranked_by_sight(folder, documents, **options):
    reranker = ReasoningReranker(Sighted(folder / "inside", **options))
    found = ReasoningCompressor(reranker).compress_documents(documents, QUESTION)
    return {document.id: document for document in found}


def test_images_that_may_not_or_cannot_be_read_leave_their_documents_in_the_list(folder):
    sources = {
        "seen": {"image_path": str(folder / "inside" / "page.png")},
        "file": {"image_url": (folder / "inside" / "page.png").as_uri()},
        "outside": {"image_path": str(folder / "outside" / "page.png")},
        "above": {"image_path": str(folder / "inside" / ".." / "outside" / "page.png")},
        "file outside": {"image_url": (folder / "outside" / "page.png").as_uri()},
        "gone": {"image_path": str(folder / "inside" / "gone.png")},
        "broken": {"image_path": str(folder / "inside" / "broken.png")},
        "url": {"image_url": "https://example.org/page.png"},
        "no base64": {"image_base64": "not base64 at all!"},
        "elsewhere": {"image": {"type": "image", "file_id": "file-7"}},
    }
    documents = [Document(id=name, page_content="", metadata=metadata) for name, metadata in sources.items()]
    found = ranked_by_sight(folder, documents)
    assert found.keys() == sources.keys()
    assert {name for name, document in found.items() if "image_unread" not in faults(document)} == {"seen", "file"}


def test_a_picture_that_breaks_when_it_is_decoded_leaves_its_document_in_the_list(folder):
    buffer = io.BytesIO()
    Pillow.effect_noise((200, 200), 60).save(buffer, format="PNG")
    cut = Pillow.open(io.BytesIO(buffer.getvalue()[:2000]))
    found = ranked_by_sight(folder, [Document(id="cut", page_content="", metadata={"image": cut}), *sight(2)])
    assert "image_unread" in faults(found["cut"])


@pytest.mark.parametrize("mode", ["1", "L", "RGB", "RGBA", "CMYK", "YCbCr", "HSV", "F", "I;16"])
def test_pictures_of_every_mode_are_seen(folder, mode):
    document = Document(id="picture", page_content="", metadata={"image": Pillow.new(mode, (40, 30))})
    found = ranked_by_sight(folder, [document, *sight(2)])
    assert found["picture"].metadata["rag_reasoner"]["probability"] == 0.9


def sight(count):
    return [Document(id=f"text {n}", page_content="words") for n in range(count)]


def test_a_document_with_nothing_in_it_is_listed_as_empty(reranker, documents):
    found = ReasoningCompressor(reranker).compress_documents([*documents, Document(page_content="")], QUESTION)
    assert len(found) == 4
    assert "empty" in faults(found[-1])


def test_documents_of_one_id_and_one_text_are_each_themselves(reranker):
    twins = [
        Document(id="same", page_content="The museum opened in 1962.", metadata={"source": str(n)}) for n in range(3)
    ]
    found = ReasoningCompressor(reranker).compress_documents([*twins, twins[0]], QUESTION)
    assert sorted(document.metadata["source"] for document in found) == ["0", "0", "1", "2"]


@pytest.mark.parametrize("top_n", [0, -1])
def test_a_top_n_of_nothing_is_refused_before_any_work(reranker, shelf, top_n):
    with pytest.raises(ValueError, match="greater than or equal to 1"):
        ReasoningCompressor(reranker, top_n=top_n)
    with pytest.raises(ValueError, match="top_n"):
        ReasoningRetriever(shelf, reranker, top_n=top_n).invoke(QUESTION)


def test_what_is_no_document_is_named(reranker):
    with pytest.raises(InvalidInput, match=r"document 1 is a str; give LangChain's Document"):
        ReasoningCompressor(reranker).compress_documents([Document(page_content="a"), "text"], QUESTION)


@pytest.mark.parametrize("asked", [{"query": QUESTION}, {"question": QUESTION, "documents": []}, QUESTION])
def test_a_chain_that_hands_over_something_else_is_told_what_to_give(reranker, asked):
    with pytest.raises(InvalidInput, match=r'give {"query": \.\.\., "documents"'):
        reranker.as_runnable().invoke(asked)


def test_a_page_that_names_its_image_by_url_keeps_the_name(reranker):
    page = Page("shop", "The museum opened in 1962.", image=Image(url="https://example.org/page.png"))
    found = ReasoningRetriever(PageRetriever(LexicalRetriever([page])), reranker).invoke(QUESTION)
    assert found[0].metadata["image_url"] == "https://example.org/page.png"


@pytest.mark.parametrize("wrapped", [{"type": "image", "url": "https://a.org/b.png"}, "https://a.org/b.png"])
def test_references_of_the_caller_come_out_again(reranker, wrapped):
    document = Document(page_content="The museum opened in 1962.", metadata={"image": wrapped})
    assert ReasoningCompressor(reranker).compress_documents([document], QUESTION)[0].metadata["image"] == wrapped


def test_metadata_of_none_says_nothing(reranker):
    blank = dict.fromkeys(["title", "source", "page", "page_label", "image", "image_path", "rag_reasoner"])
    (found,) = ReasoningCompressor(reranker).compress_documents([Document(page_content="1962", metadata=blank)], "1962")
    assert found.metadata["rag_reasoner"]["page"] is None


def test_an_empty_question_is_refused_by_every_door(shelf, reranker):
    for door in (ReasoningRetriever(shelf, reranker), GroundedAnswer(shelf, reranker)):
        with pytest.raises(InvalidInput, match="query is empty"):
            door.invoke(" ")


def test_nothing_found_is_an_empty_list_or_an_abstention(reranker):
    nothing = Shelf(documents=[])
    assert ReasoningRetriever(nothing, reranker).invoke(QUESTION) == []
    assert reranker.as_tool(retriever=nothing).invoke({"question": QUESTION}) == "Answer: The documents do not say."
