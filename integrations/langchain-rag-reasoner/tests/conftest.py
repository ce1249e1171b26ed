"""A reranker that needs no model, and documents in every form."""

from pathlib import Path

import pytest
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever

from rag_reasoner import ReasoningReranker

QUESTION = "When did the museum open?"


class Shelf(BaseRetriever):
    """Gives what it has."""

    documents: list[Document]

    def _get_relevant_documents(self, query, *, run_manager):
        return list(self.documents)


@pytest.fixture
def reranker():
    return ReasoningReranker("lexical")


@pytest.fixture
def documents():
    return [
        Document(id="rock", page_content="Basalt is a dark rock.", metadata={"source": "rocks.pdf", "page": 4}),
        Document(
            id="museum", page_content="The museum opened in 1962.", metadata={"source": "town.pdf", "page_label": "7"}
        ),
        Document(id="rooms", page_content="The museum has 40 rooms.", metadata={"source": "town.pdf", "page": 8}),
    ]


@pytest.fixture
def shelf(documents):
    return Shelf(documents=documents)


@pytest.fixture
def example_pdfs():
    """The reports that the repository ships."""
    return Path(__file__).parents[3] / "examples" / "pdfs"
