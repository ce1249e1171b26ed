"""Answers with citations in LangChain's own form, in chains and in the hands of an agent."""

from conftest import QUESTION, Shelf
from langchain_core.documents import Document
from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.messages import AIMessage, ToolMessage
from langchain_core.runnables import RunnableLambda, RunnablePassthrough
from langchain_rag_reasoner import GroundedAnswer, PageRetriever

from rag_reasoner import LexicalRetriever, ReasoningReranker, read

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


def test_an_agent_reads_text_and_keeps_documents(shelf, reranker):
    tool = reranker.as_tool(retriever=shelf)
    call = {"name": tool.name, "args": {"question": QUESTION}, "id": "1", "type": "tool_call"}
    agent = GenericFakeChatModel(messages=iter([AIMessage("", tool_calls=[call]), AIMessage("In 1962.")]))
    asked = agent.invoke(QUESTION)
    answered = tool.invoke(asked.tool_calls[0])
    assert isinstance(answered, ToolMessage)
    assert answered.content.startswith("Answer: The museum opened in 1962. [1]")
    assert "town.pdf, page 7" in answered.content
    assert answered.artifact[0].id == "museum"
    assert all(isinstance(document, Document) for document in answered.artifact)
    assert agent.invoke([asked, answered]).text == "In 1962."


async def test_awaited_the_tool_gives_the_same(shelf, reranker):
    tool = reranker.as_tool(retriever=shelf)
    assert await tool.ainvoke({"question": QUESTION}) == tool.invoke({"question": QUESTION})
