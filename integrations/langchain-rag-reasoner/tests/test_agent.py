"""The tool in the hands of LangChain's own agent: text for the model, documents for whoever comes after."""

import pytest
from conftest import QUESTION
from langchain.agents import create_agent
from langchain_core.documents import Document
from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.messages import AIMessage, ToolMessage
from langchain_core.tracers.run_collector import RunCollectorCallbackHandler


class Scripted(GenericFakeChatModel):
    """Says what it was told to say; it may be given tools."""

    def bind_tools(self, tools, **kwargs):
        return self


def asking(tool, question):
    """An agent that searches once and then answers."""
    call = {"name": tool.name, "args": {"question": question}, "id": "1", "type": "tool_call"}
    script = iter([AIMessage("", tool_calls=[call]), AIMessage("In 1962.")])
    return create_agent(Scripted(messages=script), [tool])


ASKED = {"messages": [{"role": "user", "content": QUESTION}]}


@pytest.fixture
def tool(shelf, reranker):
    return reranker.as_tool(retriever=shelf)


def test_the_model_reads_text_and_the_documents_are_kept(tool):
    *_, answered, last = asking(tool, QUESTION).invoke(ASKED)["messages"]
    assert isinstance(answered, ToolMessage)
    assert answered.content.startswith("Answer: The museum opened in 1962. [1]")
    assert "[1] town.pdf, page 7: " in answered.content
    assert answered.artifact[0].id == "museum"
    assert all(isinstance(document, Document) for document in answered.artifact)
    assert last.text == "In 1962."


async def test_awaited_it_is_the_same(tool):
    now = asking(tool, QUESTION).invoke(ASKED)["messages"][-2]
    later = (await asking(tool, QUESTION).ainvoke(ASKED))["messages"][-2]
    assert (later.content, later.artifact) == (now.content, now.artifact)


def test_a_question_that_cannot_be_asked_is_told_to_the_model_and_ends_nothing(tool):
    *_, answered, last = asking(tool, "  ").invoke(ASKED)["messages"]
    assert answered.status == "error"
    assert "the query is empty" in answered.content
    assert last.text == "In 1962."


@pytest.mark.parametrize("awaited", [False, True])
async def test_the_search_and_the_ranking_show_under_the_tool(tool, awaited):
    collector = RunCollectorCallbackHandler()
    asked, config = {"question": QUESTION}, {"callbacks": [collector]}
    _ = await tool.ainvoke(asked, config) if awaited else tool.invoke(asked, config)
    (run,) = collector.traced_runs
    assert [child.name for child in run.child_runs] == ["Shelf", "ReasoningReranker"]


def test_only_the_question_is_asked_of_the_model(tool):
    assert list(tool.args) == ["question"]
    assert tool.response_format == "content_and_artifact"
