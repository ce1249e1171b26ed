"""Answers with citations in LangChain's own form, in chains and beside other steps."""

import asyncio
import re
import subprocess
import sys
import warnings
from pathlib import Path

from conftest import QUESTION, Shelf
from langchain_core.load import dumps, loads
from langchain_core.messages import AIMessage
from langchain_core.runnables import RunnableLambda, RunnablePassthrough
from langchain_rag_reasoner import GroundedAnswer, PageRetriever
from langchain_rag_reasoner.citations import annotations

from rag_reasoner import Candidate, LexicalRetriever, ReasoningReranker, Result, read
from rag_reasoner import Document as Page
from rag_reasoner.types import Answer, Citation, Judgement

ASKED = "How many cases were in the inventory in FY 2015?"


def cited(message):
    return message.content[0]["annotations"][0]


def test_the_answer_is_a_message_with_a_citation_that_stands_in_the_page(shelf, reranker, documents):
    message = GroundedAnswer(shelf, reranker).invoke(QUESTION)
    found = cited(message)
    assert isinstance(message, AIMessage)
    assert message.text == "The museum opened in 1962. [1]"
    assert found["type"] == "citation"
    assert message.text[found["start_index"] : found["end_index"]] == "[1]"
    extras = found["extras"]
    assert documents[1].page_content[extras["quote_start"] : extras["quote_end"]] == found["cited_text"]
    assert (extras["page"], extras["verified"], extras["document_id"]) == (7, "exact", "museum")
    assert message.response_metadata["documents"][0].id == "museum"


async def test_awaited_it_is_the_same(shelf, reranker):
    chain = GroundedAnswer(shelf, reranker)
    assert (await chain.ainvoke(QUESTION)).content == chain.invoke(QUESTION).content


def test_nothing_to_answer_from_is_an_abstention(reranker):
    message = GroundedAnswer(Shelf(documents=[]), reranker).invoke(QUESTION)
    assert message.response_metadata["abstained"]
    assert message.content[0]["annotations"] == []


def test_it_is_a_step_of_a_chain(shelf, reranker):
    chain = (
        {"question": RunnablePassthrough()} | RunnableLambda(lambda x: x["question"]) | GroundedAnswer(shelf, reranker)
    )
    assert chain.invoke(QUESTION).text.endswith("[1]")


def test_the_runnable_takes_its_place_between_retriever_and_prompt(shelf, reranker):
    chain = {"query": RunnablePassthrough(), "documents": shelf} | reranker.as_runnable(top_n=1)
    assert [document.id for document in chain.invoke(QUESTION)] == ["museum"]


def test_citations_of_real_pages_carry_their_boxes(example_pdfs):
    pages = PageRetriever(LexicalRetriever(read(example_pdfs).documents))
    found = cited(GroundedAnswer(pages, ReasoningReranker("lexical")).invoke(ASKED))
    assert found["title"].endswith(".pdf")
    assert found["extras"]["boxes"]
    assert all(0 <= edge <= 1 for box in found["extras"]["boxes"] for edge in box)


async def test_awaited_the_tool_gives_the_same(shelf, reranker):
    tool = reranker.as_tool(retriever=shelf)
    assert await tool.ainvoke({"question": QUESTION}) == tool.invoke({"question": QUESTION})


def test_the_message_survives_a_checkpoint(shelf, reranker):
    message = GroundedAnswer(shelf, reranker).invoke(QUESTION)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # reading back is a beta of LangChain's
        assert loads(dumps(message)) == message


def test_the_block_is_one_of_version_1(shelf, reranker):
    message = GroundedAnswer(shelf, reranker).invoke(QUESTION)
    assert message.content_blocks == message.content


def test_what_it_cost_and_what_was_wrong_are_told(shelf, reranker):
    message = GroundedAnswer(shelf, reranker).invoke(QUESTION)
    assert message.usage_metadata["total_tokens"] > 0
    told = message.response_metadata
    assert (told["model"], told["degraded"], told["faults"], told["abstained"]) == ("lexical", False, [], False)


async def test_fifty_at_once_give_what_fifty_in_turn_give_and_a_cancelled_one_costs_only_itself(shelf, reranker):
    chain = GroundedAnswer(shelf, reranker)
    questions = [f"{QUESTION} Was it in {1900 + n}?" for n in range(50)]
    tasks = [asyncio.create_task(chain.ainvoke(question)) for question in questions]
    tasks[7].cancel()
    at_once = await asyncio.gather(*tasks, return_exceptions=True)
    assert isinstance(at_once.pop(7), asyncio.CancelledError)
    del questions[7]
    assert [one.content for one in at_once] == [chain.invoke(question).content for question in questions]


def test_brackets_that_are_no_mark_are_passed_over():
    page = Candidate(Page("a", "Section 1 says so.", source="https://example.org/a.html"))
    cited = Citation("a", None, "Section 1 says so.", 0, 18, verified="exact")
    answer = Answer("As [Section 1 of the act] says [2, 1].", (cited,))
    (found,) = annotations(Result("q", (Judgement(page, 1),), answer=answer), answer)
    assert answer.text[found["start_index"] : found["end_index"]] == "[2, 1]"
    assert found["url"] == "https://example.org/a.html"


def test_the_readme_runs():
    package = Path(__file__).parents[1]
    (block,) = re.findall(r"```python\n(.*?)```", (package / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    ran = subprocess.run(
        [sys.executable, "-c", block], cwd=package.parents[1], capture_output=True, text=True, check=True
    )
    assert ran.stdout.startswith("1 opm-fy20")
