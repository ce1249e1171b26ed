"""What a tracer sees: a run for each step, errors as errors, and never a picture."""

import base64
import io

import pytest
from conftest import QUESTION, Shelf
from langchain_core.documents import Document
from langchain_core.load import dumps
from langchain_core.tracers.run_collector import RunCollectorCallbackHandler
from langchain_core.tracers.schemas import Run
from langchain_rag_reasoner import GroundedAnswer, ReasoningCompressor, ReasoningRetriever
from PIL import Image as Pillow

from rag_reasoner.errors import InvalidInput


def picture():
    buffer = io.BytesIO()
    Pillow.effect_noise((40, 30), 60).save(buffer, format="PNG")
    return base64.b64encode(buffer.getvalue()).decode()


BASE64 = picture()


@pytest.fixture
def collector():
    return RunCollectorCallbackHandler()


@pytest.fixture
def pictures():
    return [
        Document(id="content", page_content=BASE64),
        Document(id="metadata", page_content="The museum opened in 1962.", metadata={"image_base64": BASE64}),
        Document(id="block", page_content="", metadata={"image": {"type": "image", "base64": BASE64}}),
    ]


def runs(run: Run):
    """A run and all that it called."""
    yield run
    for child in run.child_runs:
        yield from runs(child)


def test_a_compressor_is_one_run_without_the_pictures(reranker, pictures, collector):
    ReasoningCompressor(reranker, keep_dropped=True).compress_documents(pictures, QUESTION, callbacks=[collector])
    (run,) = collector.traced_runs
    assert run.name == "ReasoningReranker"
    assert run.inputs["query"] == QUESTION
    assert [document.id for document in run.inputs["documents"]] == ["content", "metadata", "block"]
    assert BASE64[:40] not in dumps(run.inputs) + dumps(run.outputs)


async def test_a_retriever_adds_no_picture_to_the_trace_of_its_base(reranker, pictures, collector):
    await ReasoningRetriever(Shelf(documents=pictures), reranker).ainvoke(QUESTION, {"callbacks": [collector]})
    (top,) = collector.traced_runs
    base, ranking = top.child_runs
    assert (base.name, ranking.name) == ("Shelf", "ReasoningReranker")
    assert BASE64[:40] not in dumps(ranking.inputs) + dumps(ranking.outputs) + dumps(top.outputs)


@pytest.mark.parametrize("awaited", [False, True])
async def test_an_answer_is_a_search_and_a_ranking(shelf, reranker, collector, awaited):
    chain, config = GroundedAnswer(shelf, reranker), {"callbacks": [collector]}
    _ = await chain.ainvoke(QUESTION, config) if awaited else chain.invoke(QUESTION, config)
    (run,) = collector.traced_runs
    assert run.name == "GroundedAnswer"
    assert [child.name for child in run.child_runs] == ["Shelf", "ReasoningReranker"]


def test_an_error_is_an_error_of_the_run(reranker, documents, collector):
    with pytest.raises(InvalidInput):
        ReasoningCompressor(reranker).compress_documents(documents, "", callbacks=[collector])
    (run,) = collector.traced_runs
    assert "the query is empty" in run.error


def test_nothing_to_rank_is_a_run_that_ends(reranker, collector):
    assert ReasoningCompressor(reranker).compress_documents([], QUESTION, callbacks=[collector]) == []
    (run,) = collector.traced_runs
    assert (run.name, run.error) == ("ReasoningReranker", None)
    assert run.end_time >= run.start_time
    assert list(run.outputs.values()) == [[]]


def test_tags_and_metadata_of_the_caller_reach_the_steps(shelf, reranker, collector):
    config = {"callbacks": [collector], "tags": ["mine"], "metadata": {"session": "7"}}
    GroundedAnswer(shelf, reranker).invoke(QUESTION, config)
    (top,) = collector.traced_runs
    assert all("mine" in run.tags and run.metadata["session"] == "7" for run in runs(top))
