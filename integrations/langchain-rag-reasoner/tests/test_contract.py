"""Our compressors keep the contract, and every promise of it has a compressor that breaks it and is caught."""

import asyncio
from inspect import signature

import pytest
from langchain_core.callbacks import BaseCallbackManager
from langchain_core.documents import BaseDocumentCompressor, Document
from langchain_rag_reasoner import ReasoningCompressor
from langchain_rag_reasoner.testing import QUERY, CompressorContract, town_documents


class TestReasoningCompressor(CompressorContract):
    @pytest.fixture
    def compressor(self, reranker):
        return ReasoningCompressor(reranker)


class TestReasoningCompressorThatKeepsTheDropped(CompressorContract):
    @pytest.fixture
    def compressor(self, reranker):
        return ReasoningCompressor(reranker, keep_dropped=True)


class Sound(BaseDocumentCompressor):
    """Gives copies of everything: keeps every promise."""

    def compress_documents(self, documents, query, callbacks=None):
        return [document.model_copy(deep=True) for document in documents]


class TestSound(CompressorContract):
    @pytest.fixture
    def compressor(self):
        return Sound()


class FallsBackOnAnApology(Sound):
    def compress_documents(self, documents, query, callbacks=None):
        return super().compress_documents(documents, query) or [Document(page_content="Nothing was found.")]


class LosesEverything(Sound):
    def compress_documents(self, documents, query, callbacks=None):
        return []


class WritesScores(Sound):
    def compress_documents(self, documents, query, callbacks=None):
        for document in documents:
            document.metadata["relevance_score"] = 1.0
        return list(documents)


class WritesScoresWhenAwaited(Sound):
    async def acompress_documents(self, documents, query, callbacks=None):
        return WritesScores().compress_documents(documents, query)


class SharesMetadata(Sound):
    def compress_documents(self, documents, query, callbacks=None):
        return [document.model_copy() for document in documents]


class FindsByText(Sound):
    def compress_documents(self, documents, query, callbacks=None):
        by_text = {document.page_content: document for document in documents}
        return super().compress_documents([by_text[document.page_content] for document in documents], query)


class KeepsTheSourceOnly(Sound):
    def compress_documents(self, documents, query, callbacks=None):
        found = super().compress_documents(documents, query)
        return [one.model_copy(update={"metadata": {"source": one.metadata["source"]}}) for one in found]


class NumbersThem(Sound):
    def compress_documents(self, documents, query, callbacks=None):
        found = super().compress_documents(documents, query)
        return [one.model_copy(update={"id": str(place)}) for place, one in enumerate(found)]


class ChangesItsMind(Sound):
    calls: int = 0

    def compress_documents(self, documents, query, callbacks=None):
        self.calls += 1
        return super().compress_documents(documents, query)[:: -1 if self.calls % 2 else 1]


class ForgetsToSortWhenAwaited(Sound):
    async def acompress_documents(self, documents, query, callbacks=None):
        return self.compress_documents(documents, query)[::-1]


class SharesItsDesk(Sound):
    desk: tuple = ()

    async def acompress_documents(self, documents, query, callbacks=None):
        self.desk = documents
        await asyncio.sleep(0)
        return self.compress_documents(self.desk, query)


class StartsALoop(Sound):
    def compress_documents(self, documents, query, callbacks=None):
        asked = self.acompress_documents(documents, query)
        try:
            return asyncio.run(asked)
        finally:
            asked.close()

    async def acompress_documents(self, documents, query, callbacks=None):
        return Sound.compress_documents(self, documents, query)


class WantsAManager(Sound):
    def compress_documents(self, documents, query, callbacks=None):
        assert callbacks is None or isinstance(callbacks, BaseCallbackManager)
        return super().compress_documents(documents, query)


BREAKERS = {
    "test_no_documents_give_no_documents": FallsBackOnAnApology,
    "test_something_comes_out": LosesEverything,
    "test_inputs_are_not_changed": WritesScores,
    "test_awaited_it_does_not_change_its_inputs_either": WritesScoresWhenAwaited,
    "test_what_comes_out_may_be_written_into": SharesMetadata,
    "test_every_document_comes_out_at_most_once_and_none_is_made_up": FindsByText,
    "test_metadata_of_the_caller_is_kept": KeepsTheSourceOnly,
    "test_ids_stay_with_their_documents": NumbersThem,
    "test_the_same_call_gives_the_same_documents": ChangesItsMind,
    "test_async_gives_what_sync_gives": ForgetsToSortWhenAwaited,
    "test_many_at_once_do_not_disturb_each_other": SharesItsDesk,
    "test_a_sync_call_inside_a_running_loop_works": StartsALoop,
    "test_callbacks_are_taken_in_every_form": WantsAManager,
}


def test_every_promise_has_a_compressor_that_breaks_it():
    assert BREAKERS.keys() == {name for name in vars(CompressorContract) if name.startswith("test_")}


@pytest.mark.parametrize("promise", BREAKERS)
def test_the_contract_catches_the_compressor_that_breaks_a_promise(promise):
    check = getattr(CompressorContract(), promise)
    given = {"compressor": BREAKERS[promise](), "query": QUERY, "documents": town_documents()}
    with pytest.raises((AssertionError, RuntimeError)):
        check(**{name: given[name] for name in signature(check).parameters})
