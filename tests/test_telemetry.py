"""Spans: one for a run, one below it for each call of a model; ids and counts, and never a text."""

import asyncio
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from fakes import QUERY, Mute, Perfect, documents
from openinference.semconv.trace import DocumentAttributes, OpenInferenceSpanKindValues, RerankerAttributes
from openinference.semconv.trace import SpanAttributes as Names
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from rag_reasoner import Document, LexicalRetriever, ReasoningReranker, telemetry
from rag_reasoner.errors import BackendError, InvalidInput, QueryTooLong
from rag_reasoner.results.scores import monotone_scores
from rag_reasoner.retrieve.hybrid import HybridRetriever
from rag_reasoner.types import Image

ID, SCORE = DocumentAttributes.DOCUMENT_ID, DocumentAttributes.DOCUMENT_SCORE
RERANKER = OpenInferenceSpanKindValues.RERANKER.value
_EXPORTER = InMemorySpanExporter()


@pytest.fixture(scope="module")
def provider():
    made = TracerProvider()
    made.add_span_processor(SimpleSpanProcessor(_EXPORTER))
    return made


@pytest.fixture
def spans(provider, monkeypatch):
    """The spans that have ended, in the order in which they began."""
    monkeypatch.setattr(telemetry, "_api", lambda: provider)
    _EXPORTER.clear()
    return lambda: sorted(_EXPORTER.get_finished_spans(), key=lambda span: span.start_time)


def named(found, name):
    return next(span for span in found if span.name == name)


def tree(found):
    """Each span's name below that of its parent."""
    names = {span.context.span_id: span.name for span in found}
    return [(names.get(span.parent.span_id) if span.parent else None, span.name) for span in found]


def test_the_names_are_those_of_openinference():
    ours = {name: getattr(telemetry, name) for name in dir(telemetry) if name.isupper()}
    assert {name: ours[name] for name in ("KIND", "MODEL", "RETRIEVED", "TOP_K")} == {
        "KIND": Names.OPENINFERENCE_SPAN_KIND,
        "MODEL": Names.LLM_MODEL_NAME,
        "RETRIEVED": Names.RETRIEVAL_DOCUMENTS,
        "TOP_K": RerankerAttributes.RERANKER_TOP_K,
    }
    for name in ("PROMPT", "COMPLETION", "TOTAL"):
        assert ours[f"{name}_TOKENS"] == getattr(Names, f"LLM_TOKEN_COUNT_{name}")
    for name in ("INPUT_DOCUMENTS", "OUTPUT_DOCUMENTS"):
        assert ours[name] == getattr(RerankerAttributes, f"RERANKER_{name}")
    assert ours["RERANKER_MODEL"] == RerankerAttributes.RERANKER_MODEL_NAME
    assert (ours["DOCUMENT_ID"], ours["DOCUMENT_SCORE"]) == (ID, SCORE)


def test_a_run_is_a_reranker_span_with_what_went_in_and_what_came_out(spans):
    result = ReasoningReranker(Perfect(), keep=2).rerank(QUERY, documents(0.2, 0.9, 0.1), top_n=1)
    found = named(spans(), "rerank")
    attributes = dict(found.attributes)
    assert attributes[Names.OPENINFERENCE_SPAN_KIND] == RERANKER
    assert attributes[RerankerAttributes.RERANKER_MODEL_NAME] == "fake"
    assert attributes[RerankerAttributes.RERANKER_TOP_K] == 1
    given = [attributes[f"{RerankerAttributes.RERANKER_INPUT_DOCUMENTS}.{n}.{ID}"] for n in range(3)]
    assert given == ["d0", "d1", "d2"]
    output = f"{RerankerAttributes.RERANKER_OUTPUT_DOCUMENTS}.0."
    assert (attributes[output + ID], attributes[output + SCORE]) == ("d1", monotone_scores(result)[0])
    assert f"{RerankerAttributes.RERANKER_OUTPUT_DOCUMENTS}.1.{ID}" not in attributes
    counts = {name: attributes[f"rag_reasoner.{name}"] for name in ("candidates", "ranked", "dropped", "degraded")}
    assert counts == {"candidates": 3, "ranked": 1, "dropped": 2, "degraded": False}
    assert found.status.status_code is StatusCode.UNSET


def test_every_call_of_a_model_is_an_llm_span_with_its_tokens(spans):
    result = ReasoningReranker(Perfect(), keep="all").answer(QUERY, documents(0.2, 0.9))
    found = spans()
    assert tree(found) == [(None, "answer"), ("answer", "filter"), ("answer", "answer")]
    calls = found[1:]
    for span in calls:
        assert span.attributes[Names.OPENINFERENCE_SPAN_KIND] == OpenInferenceSpanKindValues.LLM.value
        assert span.attributes[Names.LLM_MODEL_NAME] == "fake"
    assert [span.attributes["rag_reasoner.tasks"] for span in calls] == [2, 1]
    assert [span.attributes[Names.LLM_TOKEN_COUNT_PROMPT] for span in calls] == [20, 10]
    assert [span.attributes[Names.LLM_TOKEN_COUNT_COMPLETION] for span in calls] == [0, 5]
    assert sum(span.attributes[Names.LLM_TOKEN_COUNT_TOTAL] for span in calls) == result.usage.tokens
    assert found[0].attributes["rag_reasoner.answer.citations"] == len(result.answer.citations)


def test_what_was_retrieved_is_named_with_its_scores(spans):
    texts = [Document("a", "the museum opened"), Document("b", "basalt is a rock")]
    found = HybridRetriever(LexicalRetriever(texts)).retrieve("museum")
    hybrid, lexical = spans()
    assert tree([hybrid, lexical]) == [(None, "retrieve"), ("retrieve", "retrieve")]
    for span, score in ((lexical, "lexical"), (hybrid, "hybrid")):
        attributes = dict(span.attributes)
        assert attributes[Names.OPENINFERENCE_SPAN_KIND] == OpenInferenceSpanKindValues.RETRIEVER.value
        assert attributes[f"{Names.RETRIEVAL_DOCUMENTS}.0.{ID}"] == "a"
        assert attributes[f"{Names.RETRIEVAL_DOCUMENTS}.0.{SCORE}"] == found[0].scores[score]
        assert attributes["rag_reasoner.found"] == 1


async def test_spans_nest_below_the_callers_however_it_calls(spans, provider):
    reranker = ReasoningReranker("lexical", keep="all")
    tracer = provider.get_tracer("test")

    async def later(name):
        with tracer.start_as_current_span(name):
            await asyncio.sleep(0)
            return await reranker.arerank(QUERY, documents(0.1, 0.9))

    def thread(name):
        with tracer.start_as_current_span(name):
            return list(reranker.stream(QUERY, documents(0.1, 0.9), answer=False))

    async def stream(name):
        with tracer.start_as_current_span(name):
            return [event async for event in reranker.astream(QUERY, documents(0.1, 0.9), answer=False)]

    with ThreadPoolExecutor(2) as pool:
        waiting = [pool.submit(thread, f"thread{n}") for n in range(4)]
        await asyncio.gather(*(later(f"async{n}") for n in range(4)), stream("stream"))
        for one in waiting:
            one.result()
    found = spans()
    names = [*(f"{kind}{n}" for kind in ("async", "thread") for n in range(4)), "stream"]
    assert sorted(tree(found), key=str) == sorted(
        [(None, name) for name in names]
        + [(name, "rerank") for name in names]
        + [("rerank", stage) for stage in ("filter", "rank") for _ in names],
        key=str,
    )
    by_id = {span.context.span_id: span for span in found}
    for span in found:
        if span.parent:
            parent = by_id[span.parent.span_id]
            assert parent.context.trace_id == span.context.trace_id
            assert parent.start_time <= span.start_time <= span.end_time <= parent.end_time


def test_many_queries_in_lockstep_are_one_run(spans):
    ReasoningReranker("lexical", keep="all").rerank_many([(QUERY, documents(0.1, 0.9))] * 3)
    found = spans()
    assert tree(found) == [(None, "rerank_many"), ("rerank_many", "filter"), ("rerank_many", "rank")]
    assert found[0].attributes["rag_reasoner.queries"] == 3
    assert found[1].attributes["rag_reasoner.tasks"] == 6


async def test_a_run_that_is_cancelled_ends_its_spans(spans):
    asked = asyncio.Event()

    class Waits(Perfect):
        async def ajudge(self, tasks):
            asked.set()
            await asyncio.Event().wait()

    run = asyncio.ensure_future(ReasoningReranker(Waits(), keep="all").arerank(QUERY, documents(0.1, 0.9)))
    await asked.wait()
    run.cancel()
    with pytest.raises(asyncio.CancelledError):
        await run
    found = spans()
    assert tree(found) == [(None, "rerank"), ("rerank", "filter")]
    assert {span.status.description for span in found} == {"CancelledError"}


def test_failures_are_told_by_their_kind(spans):
    ReasoningReranker(Mute(), keep="all").rerank(QUERY, documents(0.1, 0.9))
    run, judging, ranking = spans()
    assert run.attributes["rag_reasoner.degraded"]
    assert run.status.status_code is StatusCode.UNSET
    assert {span.status.description for span in (judging, ranking)} == {"backend_error"}
    assert judging.attributes["rag_reasoner.failed_tasks"] == 2
    _EXPORTER.clear()
    with pytest.raises(BackendError):
        ReasoningReranker(Mute(), keep="all", on_error="raise").rerank(QUERY, documents(0.1, 0.9))
    assert named(spans(), "rerank").status.description == "BackendError"
    assert all(not span.events for span in spans())


def test_no_text_no_query_no_image_and_no_key_is_ever_in_a_span(spans):
    canaries = [f"CANARY{n}" for n in range(7)]
    text, query, title, data, key, detail, source = canaries

    class Telltale(Mute):
        def judge(self, tasks):
            raise BackendError(f"{detail}: {tasks[0].query}")

        def complete(self, tasks, on_text=None):
            raise QueryTooLong(f"{detail}: {tasks[0].query} {key}")

    picture = Image(data=data.encode(), media_type="image/png", path=key)
    given = [
        Document(f"id{n}", f"{text} museum {n}.", picture if n else None, source, n + 1, title, metadata={"k": key})
        for n in range(3)
    ]
    for model in ("lexical", Perfect(), Telltale()):
        reranker = ReasoningReranker(model, keep="all")
        for ask in (reranker.rerank, reranker.answer):
            try:
                ask(f"{query} museum?", given)
            except QueryTooLong:
                assert isinstance(model, Telltale)
    LexicalRetriever(given).retrieve(f"{query} museum")
    found = spans()
    assert {"rerank", "answer", "filter", "rank", "retrieve"} <= {span.name for span in found}
    assert any(span.status.description == "QueryTooLong" for span in found)
    written = "".join(span.to_json() for span in found)
    assert "id0" in written
    assert [canary for canary in canaries if canary in written] == []


def test_a_long_list_leaves_room_for_the_other_attributes(spans):
    given = [Document("\ud800", "worth 0.3"), *documents(*[0.5] * 199)]
    ReasoningReranker(Perfect(), keep="all").answer(QUERY, given)
    attributes = dict(named(spans(), "answer").attributes)
    assert attributes["rag_reasoner.candidates"] == 200
    assert attributes[Names.OPENINFERENCE_SPAN_KIND] == RERANKER
    assert attributes[f"{RerankerAttributes.RERANKER_INPUT_DOCUMENTS}.0.{ID}"] == "?"
    assert len(attributes) < 128


def test_without_a_provider_nothing_is_recorded_and_all_works():
    assert not trace.get_current_span().is_recording()
    assert ReasoningReranker("lexical").rerank(QUERY, documents(0.1, 0.9)).ranked


def test_without_the_extra_all_works():
    code = (
        "import sys; sys.modules['opentelemetry'] = None\n"
        "from rag_reasoner import LexicalRetriever, ReasoningReranker\n"
        "print(len(ReasoningReranker('lexical').answer('museum?', ['a museum', 'a rock']).ranked))\n"
        "LexicalRetriever([]).retrieve('museum')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(done.stdout) > 0


def test_what_is_wrong_with_a_call_is_told_before_a_span_begins(spans):
    with pytest.raises(InvalidInput):
        ReasoningReranker("lexical").rerank(" ", documents(0.1))
    assert spans() == []
