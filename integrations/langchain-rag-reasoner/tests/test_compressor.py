"""The compressor ranks, shows in traces, and survives whatever documents hold."""

import asyncio
import base64
import copy
import io

import pytest
from conftest import QUESTION
from langchain_classic.retrievers import ContextualCompressionRetriever
from langchain_core.documents import Document
from langchain_core.documents.base import Blob
from langchain_core.tracers.run_collector import RunCollectorCallbackHandler
from langchain_rag_reasoner import ReasoningCompressor
from langchain_rag_reasoner.convert import candidates_of
from PIL import Image as Pillow

from rag_reasoner import ReasoningReranker
from rag_reasoner.backends.base import Card, Judged
from rag_reasoner.errors import InvalidInput


def test_the_relevant_come_first_with_reasons_and_citations(reranker, documents):
    first, *rest = ReasoningCompressor(reranker).compress_documents(documents, QUESTION)
    note = first.metadata["rag_reasoner"]
    assert first.id == "museum"
    assert note["rank"] == 1
    assert note["page"] == 7
    assert note["citations"][0]["verified"] == "exact"
    assert note["citations"][0]["quote"] == "The museum opened in 1962."
    assert [one.metadata["rag_reasoner"]["page"] for one in rest] == [9, 5]


def test_scores_fall_with_the_rank_whatever_the_probabilities_say(documents):
    result = ReasoningCompressor(ReasoningReranker(Contrary(), keep="all")).compress_documents(documents, QUESTION)
    scores = [document.metadata["rag_reasoner"]["score"] for document in result]
    assert scores == sorted(scores, reverse=True)
    assert len(set(scores)) == len(scores) == 3
    assert all(0 <= score <= 1 for score in scores)


class Contrary:
    """Judges all alike; its order is the one given."""

    card = Card("contrary", 10_000)

    def count(self, messages):
        return 10

    def judge(self, tasks):
        return [Judged(0.0) for _ in tasks]

    async def ajudge(self, tasks):
        return self.judge(tasks)


def test_the_dropped_follow_with_the_reason_where_they_are_wanted(reranker, documents):
    kept = ReasoningCompressor(reranker, top_n=1, keep_dropped=True).compress_documents(documents, QUESTION)
    assert kept[0].id == "museum"
    assert len(kept) == 3
    assert all(document.metadata["rag_reasoner"]["dropped"] for document in kept[1:])


def test_in_a_compression_retriever_it_is_a_run_of_its_own_under_the_callers_callbacks(reranker, shelf):
    collector = RunCollectorCallbackHandler()
    retriever = ContextualCompressionRetriever(base_compressor=ReasoningCompressor(reranker), base_retriever=shelf)
    found = retriever.invoke(QUESTION, {"callbacks": [collector]})
    assert found[0].id == "museum"
    children = [child.name for run in collector.traced_runs for child in run.child_runs]
    assert "ReasoningReranker" in children


async def test_async_it_is_a_run_of_its_own_too(reranker, shelf):
    collector = RunCollectorCallbackHandler()
    retriever = ContextualCompressionRetriever(base_compressor=ReasoningCompressor(reranker), base_retriever=shelf)
    await retriever.ainvoke(QUESTION, {"callbacks": [collector]})
    assert "ReasoningReranker" in [child.name for run in collector.traced_runs for child in run.child_runs]


async def test_fifty_at_once_give_what_fifty_in_turn_give(reranker, documents):
    compressor = ReasoningCompressor(reranker)
    lists = [[*documents, Document(id=str(n), page_content=f"The museum opened in {n}.")] for n in range(50)]
    at_once = await asyncio.gather(*(compressor.acompress_documents(one, QUESTION) for one in lists))
    assert at_once == [compressor.compress_documents(one, QUESTION) for one in lists]


async def test_cancelling_one_leaves_the_others_whole(reranker, documents):
    compressor = ReasoningCompressor(reranker)
    tasks = [asyncio.create_task(compressor.acompress_documents(documents, QUESTION)) for _ in range(10)]
    tasks[3].cancel()
    done = await asyncio.gather(*tasks, return_exceptions=True)
    assert isinstance(done[3], asyncio.CancelledError)
    assert all(one == done[0] for place, one in enumerate(done) if place != 3)


def png():
    buffer = io.BytesIO()
    Pillow.new("RGB", (4, 3)).save(buffer, format="PNG")
    return buffer.getvalue()


PNG = png()
BASE64 = base64.b64encode(PNG).decode()


@pytest.mark.parametrize(
    ("content", "metadata", "kind"),
    [
        (BASE64, {}, "data"),
        (f"data:image/png;base64,{BASE64}", {}, "data"),
        ("", {"image_base64": BASE64}, "data"),
        ("", {"image": BASE64}, "data"),
        ("", {"image": PNG}, "data"),
        ("", {"image_path": "page.png"}, "path"),
        ("", {"image": "page.png"}, "path"),
        ("", {"image_url": "https://example.org/page.png"}, "url"),
        ("", {"image": {"type": "image", "url": "https://example.org/page.png"}}, "url"),
        ("", {"image": {"type": "image", "base64": BASE64, "mime_type": "image/png"}}, "data"),
        ("", {"image": {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{BASE64}"}}}, "data"),
        ("", {"image": Blob.from_data(PNG, mime_type="image/png")}, "data"),
        ("", {"image": Blob.from_path("page.png")}, "path"),
        ("", {"image": Pillow.new("RGB", (4, 3))}, "data"),
    ],
)
def test_images_are_understood_in_every_form_and_go_out_as_references_only(reranker, content, metadata, kind):
    document = Document(id="p", page_content=content, metadata=metadata)
    before = copy.deepcopy(document.page_content), dict(metadata)
    image = candidates_of([document])[0].document.image
    assert getattr(image, kind)
    assert kind != "data" or Pillow.open(io.BytesIO(image.data)).size == (4, 3)
    (out,) = ReasoningCompressor(reranker).compress_documents([document], QUESTION)
    assert BASE64 not in out.model_dump_json()
    assert (document.page_content, document.metadata) == before
    assert kind == "data" or {key: str(value) for key, value in out.metadata.items()}.keys() >= {"rag_reasoner"}


def test_a_document_whose_image_nobody_can_see_stays_in_the_list_and_says_so(reranker):
    blind = Document(id="scan", page_content="", metadata={"image_path": "no/such/file.png"})
    out = ReasoningCompressor(reranker, keep_dropped=True).compress_documents(
        [blind, Document(page_content="The museum opened in 1962.")], QUESTION
    )
    scan = next(document for document in out if document.id == "scan")
    assert {"no_text", "image_unseen"} <= set(scan.metadata["rag_reasoner"]["faults"])


def test_an_empty_query_is_refused_in_words(reranker, documents):
    with pytest.raises(InvalidInput, match="query is empty"):
        ReasoningCompressor(reranker).compress_documents(documents, " ")


def test_the_reranker_finds_its_adapters_by_their_entry_points(reranker, shelf):
    assert isinstance(reranker.as_langchain(top_n=3), ReasoningCompressor)
    assert reranker.as_runnable(top_n=1).invoke({"query": QUESTION, "documents": shelf.documents})[0].id == "museum"
    assert reranker.as_tool(retriever=shelf).name == "search_documents"
