"""What every document compressor should keep to: a suite that others can run on theirs. Needs pytest.

class TestMine(CompressorContract):
    @pytest.fixture
    def compressor(self):
        return MyCompressor()
"""

import asyncio
import copy
from collections.abc import Sequence

import pytest
from langchain_core.callbacks import CallbackManager, Callbacks
from langchain_core.documents import BaseDocumentCompressor, Document

WRITTEN = "the compressor wrote into the documents that it was given"


QUERY = "When did the museum open?"


def town_documents() -> list[Document]:
    """Relevant and irrelevant ones, two of the same text, two of the same id, and one without text."""
    return [
        Document(id="rock", page_content="Basalt is a dark rock.", metadata={"source": "rocks", "nested": {"a": [1]}}),
        Document(id="museum", page_content="The museum opened in 1962.", metadata={"source": "town"}),
        Document(id="twin", page_content="The museum opened in 1962.", metadata={"source": "copy"}),
        Document(id="museum", page_content="The museum has 40 rooms.", metadata={"source": "rooms"}),
        Document(page_content="", metadata={"source": "empty"}),
    ]


class CompressorContract:
    """Subclass it and give the fixture `compressor`; override `query` and `documents` where yours needs others.

    Each of the `documents` has a `source` of its own in its metadata: by it the suite tells them apart.
    """

    @pytest.fixture
    def compressor(self) -> BaseDocumentCompressor:
        """The compressor under test."""
        raise NotImplementedError("give the fixture `compressor`")

    @pytest.fixture
    def query(self) -> str:
        return QUERY

    @pytest.fixture
    def documents(self) -> list[Document]:
        return town_documents()

    def test_no_documents_give_no_documents(self, compressor: BaseDocumentCompressor, query: str) -> None:
        assert list(compressor.compress_documents([], query)) == []
        assert list(asyncio.run(compressor.acompress_documents([], query))) == []

    def test_something_comes_out(
        self, compressor: BaseDocumentCompressor, query: str, documents: list[Document]
    ) -> None:
        assert compressor.compress_documents(documents, query), "nothing is left of documents that answer the question"

    def test_inputs_are_not_changed(
        self, compressor: BaseDocumentCompressor, query: str, documents: list[Document]
    ) -> None:
        before = copy.deepcopy(documents)
        compressor.compress_documents(documents, query)
        assert documents == before, WRITTEN

    def test_awaited_it_does_not_change_its_inputs_either(
        self, compressor: BaseDocumentCompressor, query: str, documents: list[Document]
    ) -> None:
        before = copy.deepcopy(documents)
        asyncio.run(compressor.acompress_documents(documents, query))
        assert documents == before, WRITTEN

    def test_what_comes_out_may_be_written_into(
        self, compressor: BaseDocumentCompressor, query: str, documents: list[Document]
    ) -> None:
        before = copy.deepcopy(documents)
        for document in compressor.compress_documents(documents, query):
            document.metadata["written"] = True
        assert documents == before, "what came out shares its metadata with what went in"

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
            source = document.metadata.get("source")
            assert source in before, "a document came out without the metadata that it had"
            kept = {key: document.metadata.get(key) for key in before[source]}
            assert kept == before[source], "metadata was lost or changed"

    def test_ids_stay_with_their_documents(
        self, compressor: BaseDocumentCompressor, query: str, documents: list[Document]
    ) -> None:
        ids = {document.metadata["source"]: document.id for document in documents}
        for document in compressor.compress_documents(documents, query):
            assert document.id == ids.get(document.metadata.get("source")), "a document came out under another's id"

    def test_the_same_call_gives_the_same_documents(
        self, compressor: BaseDocumentCompressor, query: str, documents: list[Document]
    ) -> None:
        once, again = (compressor.compress_documents(documents, query) for _ in range(2))
        assert _sources(once) == _sources(again), "two equal calls gave different documents"

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

    def test_callbacks_are_taken_in_every_form(
        self, compressor: BaseDocumentCompressor, query: str, documents: list[Document]
    ) -> None:
        without = _sources(compressor.compress_documents(documents, query))
        forms: tuple[Callbacks, ...] = ([], CallbackManager([]))
        for callbacks in forms:
            assert _sources(compressor.compress_documents(documents, query, callbacks=callbacks)) == without


def _sources(documents: Sequence[Document]) -> list[str]:
    return [document.metadata.get("source", "") for document in documents]
