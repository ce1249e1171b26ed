"""The public face: what it takes, what it refuses, and what it never tells anyone."""

import logging
import traceback

import pytest
from fakes import CARD, QUERY, Buggy, Down, Mute, Perfect, documents, kinds, only_completes, only_judges

from rag_reasoner import Candidate, Document, Image, ReasoningReranker
from rag_reasoner.backends.base import Card, Completer, Judge
from rag_reasoner.backends.lexical import Lexical
from rag_reasoner.candidates import as_candidates
from rag_reasoner.errors import InvalidInput, RagReasonerError
from rag_reasoner.tasks import RankTask, RelevanceTask


def test_texts_documents_and_candidates_become_candidates_at_their_positions():
    given = Candidate(Document("c", "three"), 99, {"bm25": 1.5})
    found = as_candidates(iter(["one", Document("b", "two"), given]))
    assert [(c.document.id, c.document.text, c.position) for c in found] == [
        ("0", "one", 0),
        ("b", "two", 1),
        ("c", "three", 2),
    ]
    assert found[2].scores == {"bm25": 1.5}
    assert given.position == 99


@pytest.mark.parametrize("given", ["text", Document("a"), Candidate(Document("a"))])
def test_a_single_candidate_in_place_of_a_list_is_refused_with_its_type(given):
    with pytest.raises(InvalidInput, match=f"a single {type(given).__name__}; put it in a list"):
        ReasoningReranker("lexical").rerank(QUERY, given)


@pytest.mark.parametrize("given", [7, None, b"bytes", {"text": "x"}])
def test_what_is_no_candidate_is_refused_with_its_place_and_type(given):
    with pytest.raises(InvalidInput, match=f"candidate 1 is a {type(given).__name__}"):
        ReasoningReranker("lexical").rerank(QUERY, ["text", given])


@pytest.mark.parametrize("query", ["", " \t\n", None, 7, b"query"])
async def test_a_query_that_asks_nothing_is_refused_everywhere(query):
    reranker = ReasoningReranker("lexical")
    for call in (reranker.rerank, reranker.answer, lambda *args: reranker.rerank_many([args])):
        with pytest.raises(InvalidInput, match="query"):
            call(query, ["a"])
    for call in (reranker.arerank, reranker.aanswer):
        with pytest.raises(InvalidInput, match="query"):
            await call(query, ["a"])


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("keep", 0),
        ("keep", 1.0),
        ("keep", True),
        ("keep", "some"),
        ("top_n", 0),
        ("top_n", -1),
        ("top_n", 2.0),
        ("top_n", True),
        ("shuffles", 0),
        ("judge_tokens", 0),
        ("document_tokens", -1),
        ("stages", ("rank", "sort")),
        ("format", "mmr5"),
        ("on_error", "ignore"),
        ("model", 7),
        ("filter_model", only_completes()),
    ],
)
def test_an_option_that_means_nothing_is_refused_by_name(option, value):
    with pytest.raises(InvalidInput, match=option):
        ReasoningReranker(**{"model": "lexical", option: value})


@pytest.mark.parametrize("top_n", [0, -1, 1.5, True])
async def test_a_top_n_that_means_nothing_is_refused_for_a_single_call_too(top_n):
    reranker = ReasoningReranker("lexical")
    with pytest.raises(InvalidInput, match="top_n"):
        reranker.rerank(QUERY, ["a", "b"], top_n=top_n)
    with pytest.raises(InvalidInput, match="top_n"):
        await reranker.aanswer(QUERY, ["a", "b"], top_n=top_n)


def test_top_n_of_a_call_goes_before_that_of_the_reranker_and_the_rest_says_where_it_went():
    result = ReasoningReranker(Perfect(), keep="all", top_n=1).rerank(QUERY, documents(0.1, 0.9, 0.5), top_n=2)
    assert [one.candidate.position for one in result.ranked] == [1, 2]
    assert [(one.candidate.position, one.reason) for one in result.dropped] == [(0, "ranked 3, beyond top_n=2")]


def test_one_model_may_judge_and_another_rank():
    judge, ranker = Perfect(Card("judge", 100_000, calibrated=True)), Perfect()
    result = ReasoningReranker(ranker, filter_model=judge).rerank(QUERY, documents(0.1, 0.9))
    assert {type(task) for task in judge.judged} == {RelevanceTask}
    assert (judge.completed, ranker.judged) == ([], [])
    assert {type(task) for task in ranker.completed} == {RankTask}
    assert result.model == "fake"


def test_a_model_that_can_only_do_one_thing_does_that():
    judged = ReasoningReranker(only_judges()).rerank(QUERY, documents(0.3, 0.9))
    completed = ReasoningReranker(only_completes()).rerank(QUERY, documents(0.3, 0.9))
    for result in (judged, completed):
        assert [one.candidate.position for one in result.ranked] == [1, 0]
        assert result.model == "fake"
        assert not result.degraded
    assert {one.probability for one in completed.ranked} == {None}
    assert isinstance(only_judges(), Judge)
    assert isinstance(only_completes(), Completer)


def test_without_any_stage_the_order_is_that_of_the_retrieval_and_is_called_so():
    result = ReasoningReranker(Perfect(), stages=()).rerank(QUERY, documents(0.1, 0.9))
    assert [one.candidate.position for one in result.ranked] == [0, 1]
    assert {one.ordered_by for one in result.ranked} == {"coarse order"}
    assert result.degraded


def test_whether_a_model_sees_images_can_be_asked():
    assert not ReasoningReranker("lexical").reads_images
    assert ReasoningReranker(Perfect(Card("seeing", 1000, reads_images=True))).reads_images


def test_half_a_surrogate_pair_reaches_no_model():
    model = Perfect()
    broken = Document("\udcff", "worth 0.9 \ud800", title="\udfff")
    result = ReasoningReranker(model, keep="all").answer(f"{QUERY} \ud800", [broken, *documents(0.1)])
    for task in (*model.judged, *model.completed):
        "".join(part.text for message in task.messages() for part in message.parts).encode()
    assert result.ranked[0].candidate.document is broken


CANARIES = [f"canary-{n:02d}-{n * 7919:x}" for n in range(100)]


def canaries_in(text):
    return [canary for canary in CANARIES if canary in text]


@pytest.mark.parametrize("model", [Perfect(), Mute(), Down(), Buggy(), "lexical", Perfect(Card("small", 60))])
def test_no_document_query_or_password_ends_up_in_logs_errors_or_tracebacks(model, caplog, capsys):
    query, secrets = " ".join(CANARIES[:10]), CANARIES[10:]
    given = [
        Document(f"d{n}", f"worth 0.{n} {secret}", Image(data=secret.encode(), password=secret), title=secret)
        for n, secret in enumerate(secrets)
    ]
    said = []
    caplog.set_level(logging.DEBUG)
    for raised in ("keep", "raise"):
        try:
            reranker = ReasoningReranker(model, on_error=raised, keep="all")
            result = reranker.answer(query, given)
            said += [repr(fault) for fault in result.faults]
            said += [repr(reranker), repr(given[0].image), str(result.usage)]
        except (RagReasonerError, TypeError) as error:
            said += [repr(error), str(error), "".join(traceback.format_exception(error))]
    captured = capsys.readouterr()
    assert said
    assert canaries_in("\n".join([*said, caplog.text, captured.out, captured.err])) == []


def test_the_canaries_would_be_found():
    assert canaries_in(repr(Document("a", CANARIES[3]))) == [CANARIES[3]]


@pytest.mark.parametrize("name", ["as_llama_index", "as_langchain", "as_runnable", "as_tool"])
def test_an_adapter_whose_package_is_missing_says_what_to_install(name, monkeypatch):
    monkeypatch.setattr("rag_reasoner.adapters.entry_points", lambda **_: ())
    with pytest.raises(ImportError, match=r"pip install (llama-index-postprocessor|langchain)-rag-reasoner"):
        getattr(ReasoningReranker("lexical"), name)()


def test_lexical_is_a_name_and_a_backend():
    assert ReasoningReranker("lexical").model_name == ReasoningReranker(Lexical()).model_name == "lexical"
    assert kinds(ReasoningReranker(Perfect(CARD)).rerank(QUERY, [])) == set()
