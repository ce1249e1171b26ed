"""A reranker that needs no model, nodes of every kind, and an ear for the host's events."""

from pathlib import Path

import pytest
from llama_index.core.base.base_retriever import BaseRetriever
from llama_index.core.bridge.pydantic import Field
from llama_index.core.instrumentation import get_dispatcher
from llama_index.core.instrumentation.event_handlers import BaseEventHandler
from llama_index.core.instrumentation.span_handlers import SimpleSpanHandler
from llama_index.core.schema import NodeWithScore, TextNode

from rag_reasoner import ReasoningReranker

QUESTION = "When did the museum open?"


class Shelf(BaseRetriever):
    """Gives what it has."""

    def __init__(self, nodes):
        super().__init__()
        self.nodes = nodes

    def _retrieve(self, query_bundle):
        return list(self.nodes)


class Ear(BaseEventHandler):
    """Hears the names of events, and keeps the events."""

    heard: list = Field(default_factory=list)

    @classmethod
    def class_name(cls):
        return "Ear"

    def handle(self, event, **kwargs):
        self.heard.append(event)

    def names(self):
        return [type(event).__name__ for event in self.heard if "ReRank" in type(event).__name__]


@pytest.fixture
def reranker():
    return ReasoningReranker("lexical")


@pytest.fixture
def nodes():
    texts = {
        "rock": ("Basalt is a dark rock.", {"page_label": "5"}),
        "museum": ("The museum opened in 1962.", {"page_label": "7", "file_name": "town.pdf"}),
        "rooms": ("The museum has 40 rooms.", {"page_label": "9"}),
    }
    return [
        NodeWithScore(node=TextNode(id_=name, text=text, metadata=metadata), score=0.5 - place / 10)
        for place, (name, (text, metadata)) in enumerate(texts.items())
    ]


@pytest.fixture
def shelf(nodes):
    return Shelf(nodes)


@pytest.fixture
def ear():
    root, handler = get_dispatcher(), Ear()
    root.add_event_handler(handler)
    yield handler
    root.event_handlers.remove(handler)


@pytest.fixture
def spans():
    root, handler = get_dispatcher(), SimpleSpanHandler()
    root.add_span_handler(handler)
    yield handler
    root.span_handlers.remove(handler)


@pytest.fixture
def example_pdfs():
    """The reports that the repository ships."""
    return Path(__file__).parents[3] / "examples" / "pdfs"
