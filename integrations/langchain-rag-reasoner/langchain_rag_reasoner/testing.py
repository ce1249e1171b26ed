"""What every document compressor should keep to: a suite that others can run on theirs.

class TestMine(CompressorContract):
    @pytest.fixture
    def compressor(self):
        return MyCompressor()
"""

import asyncio
import copy
from collections.abc import Sequence

import pytest
from langchain_core.documents import BaseDocumentCompressor, Document


class CompressorContract:
    """Subclass it and give the fixture `compressor`; override `query` and `documents` where yours needs others."""

    @pytest.fixture
    def compressor(self) -> BaseDocumentCompressor:
        """The compressor under test."""
        raise NotImplementedError("give the fixture `compressor`")

    @pytest.fixture
    def query(self) -> str:
        return "When did the museum open?"

    @pytest.fixture
    def documents(self) -> list[Document]:
        """Relevant and irrelevant ones, two of the same text, two of the same id, and one without text."""
        return [
            Document(
                id="rock", page_content="Basalt is a dark rock.", metadata={"source": "rocks", "nested": {"a": [1]}}
            ),
            Document(id="museum", page_content="The museum opened in 1962.", metadata={"source": "town"}),
            Document(id="twin", page_content="The museum opened in 1962.", metadata={"source": "copy"}),
            Document(id="museum", page_content="The museum has 40 rooms.", metadata={"source": "rooms"}),
            Document(page_content="", metadata={"source": "empty"}),
        ]

    def test_no_documents_give_no_documents(self, compressor: BaseDocumentCompressor, query: str) -> None:
        assert list(compressor.compress_documents([], query)) == []

    def test_inputs_are_not_changed(
        self, compressor: BaseDocumentCompressor, query: str, documents: list[Document]
    ) -> None:
        before = copy.deepcopy(documents)
        compressor.compress_documents(documents, query)
        assert documents == before, "the compressor wrote into the documents that it was given"

    def test_every_document_comes_out_at_most_once_and_none_is_made_up(
        self, compressor: BaseDocumentCompressor, query: str, documents: list[Document]
    ) -> None:
        sources = _sources(compressor.compress_documents(documents, query))
        assert len(sources) == len(set(sources)), "a document came out twice"
        assert set(sources) <= set(_sources(documents)), "a document came out that did not go in"

    def test_metadata_of_the_caller_is_kept(
        self, compressor: BaseDocumentCompressor, query: str, documents: list[Document]
    ) -> None:
        before = {document.metadata["source"]: document.metadata for document in documents}
        for document in compressor.compress_documents(documents, query):
            kept = before[document.metadata["source"]].items()
            assert kept <= document.metadata.items() or all(document.metadata[key] == value for key, value in kept)

    def test_the_same_call_gives_the_same_documents(
        self, compressor: BaseDocumentCompressor, query: str, documents: list[Document]
    ) -> None:
        once, again = (compressor.compress_documents(documents, query) for _ in range(2))
        assert _sources(once) == _sources(again)

    def test_async_gives_what_sync_gives(
        self, compressor: BaseDocumentCompressor, query: str, documents: list[Document]
    ) -> None:
        awaited = asyncio.run(compressor.acompress_documents(documents, query))
        assert _sources(awaited) == _sources(compressor.compress_documents(documents, query))

    def test_many_at_once_do_not_disturb_each_other(
        self, compressor: BaseDocumentCompressor, query: str, documents: list[Document]
    ) -> None:
        async def at_once() -> list[Sequence[Document]]:
            return await asyncio.gather(*(compressor.acompress_documents(documents[n % 3 :], query) for n in range(12)))

        for n, found in enumerate(asyncio.run(at_once())):
            assert _sources(found) == _sources(compressor.compress_documents(documents[n % 3 :], query))

    def test_a_sync_call_inside_a_running_loop_works(
        self, compressor: BaseDocumentCompressor, query: str, documents: list[Document]
    ) -> None:
        async def inside() -> Sequence[Document]:
            return compressor.compress_documents(documents, query)

        assert _sources(asyncio.run(inside())) == _sources(compressor.compress_documents(documents, query))


def _sources(documents: Sequence[Document]) -> list[str]:
    return [document.metadata["source"] for document in documents]
