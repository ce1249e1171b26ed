"""The postprocessor in real engines: events on every path, nodes never changed, nothing lost."""

import asyncio
import copy

import pytest
from conftest import QUESTION, Shelf
from llama_index.core.callbacks import CallbackManager, CBEventType, EventPayload, LlamaDebugHandler
from llama_index.core.chat_engine import CondensePlusContextChatEngine, ContextChatEngine
from llama_index.core.evaluation import RetrieverEvaluator
from llama_index.core.instrumentation.events.rerank import ReRankStartEvent
from llama_index.core.llms import MockLLM
from llama_index.core.postprocessor.types import BaseNodePostprocessor
from llama_index.core.query_engine import CitationQueryEngine, RetrieverQueryEngine
from llama_index.core.response_synthesizers import get_response_synthesizer
from llama_index.core.schema import NodeWithScore, QueryBundle, TextNode
from llama_index.postprocessor.rag_reasoner import ReasoningRerankPostprocessor

from rag_reasoner import ReasoningReranker
from rag_reasoner.backends.base import Card, Judged
from rag_reasoner.errors import BackendError, InvalidInput

ASKED = QueryBundle(QUESTION)


def ids(nodes):
    return [one.node.node_id for one in nodes]


def test_the_relevant_come_first_with_reasons_and_the_score_they_came_with(reranker, nodes):
    first, *rest = ReasoningRerankPostprocessor(reranker).postprocess_nodes(nodes, ASKED)
    note = first.node.metadata["rag_reasoner"]
    assert first.node.node_id == "museum"
    assert (note["rank"], note["page"], note["scores"]["retrieval"]) == (1, 7, 0.4)
    assert note["citations"][0]["quote"] == "The museum opened in 1962."
    assert first.score == note["score"] > rest[0].score > rest[1].score


def test_nodes_are_never_changed_and_our_note_stays_out_of_prompts_and_embeddings(reranker, nodes):
    before = copy.deepcopy(nodes)
    out = ReasoningRerankPostprocessor(reranker, keep_dropped=True).postprocess_nodes(nodes, ASKED)
    assert nodes == before
    assert all(one.node is not given.node for one in out for given in nodes)
    assert "rag_reasoner" not in out[0].node.get_content("llm")
    assert "rag_reasoner" not in out[0].node.get_content("embed")


def test_it_is_a_real_postprocessor_that_saves_itself_without_the_model(reranker, nodes):
    ours = ReasoningRerankPostprocessor(reranker, top_n=2)
    assert isinstance(ours, BaseNodePostprocessor)
    saved = ours.to_dict()
    assert saved["top_n"] == 2
    assert "reranker" not in str(saved).replace("ReasoningRerankPostprocessor", "").lower()
    loaded = ReasoningRerankPostprocessor.from_dict(saved)
    with pytest.raises(InvalidInput, match=r"set `\.reranker`"):
        loaded.postprocess_nodes(nodes, ASKED)
    again = ReasoningRerankPostprocessor.from_dict(saved, reranker=reranker)
    assert again.reranker is reranker
    loaded.reranker = reranker
    assert ids(loaded.postprocess_nodes(nodes, ASKED)) == ids(ours.postprocess_nodes(nodes, ASKED))


@pytest.mark.parametrize("given", ["all", "none"])
async def test_events_start_and_end_on_every_path(reranker, nodes, ear, given):
    ours = ReasoningRerankPostprocessor(reranker)
    ours.postprocess_nodes(nodes if given == "all" else [], ASKED)
    await ours.apostprocess_nodes(nodes if given == "all" else [], ASKED)
    assert ear.names() == ["ReRankStartEvent", "ReRankEndEvent"] * 2
    start = next(event for event in ear.heard if isinstance(event, ReRankStartEvent))
    assert (start.model_name, start.top_n) == ("lexical", 3 if given == "all" else 0)


class Failing:
    model_name, top_n = "failing", None

    def rerank(self, *args, **kwargs):
        raise BackendError("down")

    async def arerank(self, *args, **kwargs):
        raise BackendError("down")


async def test_events_end_when_the_reranker_fails(nodes, ear):
    ours = ReasoningRerankPostprocessor(Failing())
    with pytest.raises(BackendError):
        ours.postprocess_nodes(nodes, ASKED)
    with pytest.raises(BackendError):
        await ours.apostprocess_nodes(nodes, ASKED)
    assert ear.names() == ["ReRankStartEvent", "ReRankEndEvent"] * 2


async def test_events_end_when_the_caller_gives_up(nodes, ear):
    class Slow(Failing):
        async def arerank(self, *args, **kwargs):
            await asyncio.sleep(60)

    task = asyncio.create_task(ReasoningRerankPostprocessor(Slow()).apostprocess_nodes(nodes, ASKED))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ear.names() == ["ReRankStartEvent", "ReRankEndEvent"]


def test_the_legacy_callback_of_a_failure_says_what_failed(nodes):
    debug = LlamaDebugHandler(print_trace_on_end=False)
    with pytest.raises(BackendError):
        ReasoningRerankPostprocessor(Failing(), callback_manager=CallbackManager([debug])).postprocess_nodes(
            nodes, ASKED
        )
    ((_, end),) = debug.get_event_pairs(CBEventType.RERANKING)
    assert isinstance(end.payload[EventPayload.EXCEPTION], BackendError)


async def test_events_stand_on_the_span_of_the_rerank(reranker, nodes, ear, spans):
    await ReasoningRerankPostprocessor(reranker).apostprocess_nodes(nodes, ASKED)
    assert all("_apostprocess_nodes" in event.span_id for event in ear.heard if "ReRank" in type(event).__name__)


async def test_sync_and_async_have_spans_of_their_own(reranker, nodes, spans):
    ours = ReasoningRerankPostprocessor(reranker)
    ours.postprocess_nodes(nodes, ASKED)
    await ours.apostprocess_nodes(nodes, ASKED)
    names = [span.id_.rsplit("-", 5)[0] for span in spans.completed_spans]
    assert any(name.endswith("._postprocess_nodes") for name in names)
    assert any(name.endswith("._apostprocess_nodes") for name in names)


def test_legacy_callbacks_hear_of_it(reranker, nodes):
    debug = LlamaDebugHandler(print_trace_on_end=False)
    ours = ReasoningRerankPostprocessor(reranker, callback_manager=CallbackManager([debug]))
    ours.postprocess_nodes(nodes, ASKED)
    ((start, end),) = debug.get_event_pairs(CBEventType.RERANKING)
    assert start.payload[EventPayload.QUERY_STR] == QUESTION
    assert start.payload[EventPayload.TOP_K] == 3
    assert ids(end.payload[EventPayload.NODES])[0] == "museum"


def engine_of(shelf, postprocessor, manager=None):
    synthesizer = get_response_synthesizer(llm=MockLLM())
    return RetrieverQueryEngine(shelf, synthesizer, [postprocessor], callback_manager=manager)


@pytest.mark.parametrize("direct", [True, False])
async def test_in_a_query_engine_the_reranker_itself_or_its_adapter(reranker, shelf, direct):
    engine = engine_of(shelf, reranker if direct else reranker.as_llama_index(top_n=2))
    for response in (engine.query(QUESTION), await engine.aquery(QUESTION)):
        assert ids(response.source_nodes)[0] == "museum"
        assert direct or len(response.source_nodes) == 2


def test_in_a_citation_query_engine(reranker, shelf):
    engine = CitationQueryEngine(retriever=shelf, llm=MockLLM(), node_postprocessors=[reranker])
    assert "museum opened" in engine.query(QUESTION).source_nodes[0].node.get_content()


@pytest.mark.parametrize("kind", [ContextChatEngine, CondensePlusContextChatEngine])
async def test_in_a_chat_engine(reranker, shelf, kind):
    engine = kind.from_defaults(retriever=shelf, llm=MockLLM(), node_postprocessors=[reranker])
    assert ids(engine.chat(QUESTION).source_nodes)[0] == "museum"
    assert ids((await engine.achat(QUESTION)).source_nodes)[0] == "museum"


async def test_in_the_evaluator_which_calls_it_inside_a_running_loop(reranker, shelf):
    evaluator = RetrieverEvaluator.from_metric_names(
        ["mrr", "hit_rate"], retriever=shelf, node_postprocessors=[reranker.as_llama_index()]
    )
    result = await evaluator.aevaluate(QUESTION, ["museum"])
    assert result.metric_vals_dict == {"mrr": 1.0, "hit_rate": 1.0}


async def test_fifty_at_once_give_what_fifty_in_turn_give(reranker, nodes):
    ours = ReasoningRerankPostprocessor(reranker)
    lists = [[*nodes, NodeWithScore(node=TextNode(id_=str(n), text=f"It opened in {n}."))] for n in range(50)]
    at_once = await asyncio.gather(*(ours.apostprocess_nodes(one, ASKED) for one in lists))
    assert at_once == [ours.postprocess_nodes(one, ASKED) for one in lists]


async def test_cancelling_one_leaves_the_others_whole(reranker, nodes):
    ours = ReasoningRerankPostprocessor(reranker)
    tasks = [asyncio.create_task(ours.apostprocess_nodes(nodes, ASKED)) for _ in range(10)]
    tasks[3].cancel()
    done = await asyncio.gather(*tasks, return_exceptions=True)
    assert isinstance(done[3], asyncio.CancelledError)
    assert all(ids(one) == ids(done[0]) for place, one in enumerate(done) if place != 3)


def test_nodes_of_one_id_are_all_kept(reranker):
    twins = [NodeWithScore(node=TextNode(id_="a", text=f"The museum opened in {n}.")) for n in range(3)]
    out = ReasoningRerankPostprocessor(reranker).postprocess_nodes(twins, ASKED)
    assert sorted(one.node.get_content() for one in out) == sorted(one.node.get_content() for one in twins)


def test_the_dropped_come_last_without_a_score(reranker, nodes):
    out = ReasoningRerankPostprocessor(reranker, top_n=1, keep_dropped=True).postprocess_nodes(nodes, ASKED)
    assert out[0].node.node_id == "museum"
    assert [one.score for one in out[1:]] == [None, None]
    assert all(one.node.metadata["rag_reasoner"]["dropped"] for one in out[1:])


def test_no_query_is_refused_in_words_and_no_nodes_need_none(reranker, nodes):
    ours = ReasoningRerankPostprocessor(reranker)
    assert ours.postprocess_nodes([]) == []
    with pytest.raises(InvalidInput, match="give query_bundle or query_str"):
        ours.postprocess_nodes(nodes)
    assert ids(ours.postprocess_nodes(nodes, query_str=QUESTION))[0] == "museum"


def test_a_top_n_of_nothing_is_refused_at_once(reranker):
    with pytest.raises(ValueError, match="top_n"):
        reranker.as_llama_index(top_n=0)


def test_an_image_in_the_query_is_said_not_to_be_looked_at(reranker, nodes):
    with pytest.warns(UserWarning, match=r"'town\.png', is not looked at"):
        reranker.postprocess_nodes(nodes, QueryBundle(QUESTION, image_path="town.png"))


def test_in_the_reranker_the_engine_s_callbacks_reach_the_adapter(reranker, shelf):
    debug = LlamaDebugHandler(print_trace_on_end=False)
    for _ in range(2):
        engine = engine_of(shelf, reranker, CallbackManager([debug]))
        engine.query(QUESTION)
    assert len(debug.get_event_pairs(CBEventType.RERANKING)) == 2


def test_ranking_twice_keeps_the_first_score_and_leaves_one_note(reranker, nodes):
    ours = ReasoningRerankPostprocessor(reranker)
    (first, *_) = ours.postprocess_nodes(ours.postprocess_nodes(nodes, ASKED), ASKED)
    assert first.node.metadata["rag_reasoner"]["scores"]["retrieval"] == 0.4
    assert first.node.excluded_llm_metadata_keys == ["rag_reasoner"]


def test_the_note_says_what_the_run_was_worth(nodes):
    nodes = [one for one in nodes if one.node.node_id != "rock"]
    (first, *_) = ReasoningReranker(Untrained()).postprocess_nodes(nodes, ASKED)
    run = first.node.metadata["rag_reasoner"]["run"]
    assert (run["model"], run["degraded"]) == ("untrained", True)
    assert "untrained" in run["faults"]


class Untrained:
    card = Card("untrained", 10_000, trained=False)

    def count(self, messages):
        return 10

    def judge(self, tasks):
        return [Judged(0.5) for _ in tasks]

    async def ajudge(self, tasks):
        return self.judge(tasks)


def test_an_engine_over_an_empty_shelf_says_so(reranker):
    assert str(engine_of(Shelf([]), reranker).query(QUESTION)) == "Empty Response"
