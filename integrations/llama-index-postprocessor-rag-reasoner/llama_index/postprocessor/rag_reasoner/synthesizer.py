"""Our answer in place of a language model's: grounded, with citations that were looked up."""

import re
from collections.abc import AsyncGenerator, Iterator, Sequence
from typing import Any

from llama_index.core.base.response.schema import RESPONSE_TYPE, AsyncStreamingResponse, Response, StreamingResponse
from llama_index.core.indices.prompt_helper import PromptHelper
from llama_index.core.llms import MockLLM
from llama_index.core.response_synthesizers import BaseSynthesizer
from llama_index.core.schema import NodeWithScore, QueryBundle, TextNode
from llama_index.core.types import RESPONSE_TEXT_TYPE
from llama_index.postprocessor.rag_reasoner.citations import answer_note, sources_of
from llama_index.postprocessor.rag_reasoner.convert import candidates_of, question_of
from llama_index.postprocessor.rag_reasoner.telling import synthesis

from rag_reasoner import ReasoningReranker
from rag_reasoner.results import Result
from rag_reasoner.results.notes import NOTE


class GroundedSynthesizer(BaseSynthesizer):
    """Ranks the nodes and answers from them: no postprocessor is needed before it.

    `Response.source_nodes` are the ranked nodes, so that `[n]` in the answer is the n-th, and those beyond `top_n` that
    it cites; `Response.metadata` has each node's metadata by id, as usual, and under "rag_reasoner" the answer's
    citations (page, quote, boxes), whether it abstained, what answered, and faults. With `streaming`, the answer comes
    word by word once its citations are looked up, not before.
    """

    def __init__(
        self, reranker: ReasoningReranker, *, top_n: int | None = None, streaming: bool = False, **options: Any
    ) -> None:
        # The base class wants a language model and a counter of its tokens. Neither is asked here.
        unused = {"llm": MockLLM(), "prompt_helper": PromptHelper(tokenizer=str.split)}
        super().__init__(**{**unused, **options}, streaming=streaming)
        self._reranker, self._top_n = reranker, top_n

    def _get_prompts(self) -> dict[str, Any]:
        return {}

    def _update_prompts(self, prompts: dict[str, Any]) -> None:
        """There are none to update."""

    def synthesize(
        self,
        query: str | QueryBundle,
        nodes: list[NodeWithScore],
        additional_source_nodes: Sequence[NodeWithScore] | None = None,
        **response_kwargs: Any,
    ) -> RESPONSE_TYPE:
        """The answer to `query` from `nodes`."""
        with synthesis(self._callback_manager, query) as told:
            result = self._reranker.answer(question_of(query), candidates_of(nodes), top_n=self._top_n)
            said = self._response(result, nodes, additional_source_nodes or ())
            told.response = _streamed(said) if self._streaming else said
        return told.response

    async def asynthesize(
        self,
        query: str | QueryBundle,
        nodes: list[NodeWithScore],
        additional_source_nodes: Sequence[NodeWithScore] | None = None,
        **response_kwargs: Any,
    ) -> RESPONSE_TYPE:
        """`synthesize`, awaited."""
        with synthesis(self._callback_manager, query) as told:
            result = await self._reranker.aanswer(question_of(query), candidates_of(nodes), top_n=self._top_n)
            said = self._response(result, nodes, additional_source_nodes or ())
            told.response = _astreamed(said) if self._streaming else said
        return told.response

    def get_response(self, query_str: str, text_chunks: Sequence[str], **response_kwargs: Any) -> RESPONSE_TEXT_TYPE:
        """The answer's text from bare chunks of text."""
        return _text_of(self.synthesize(query_str, _nodes(text_chunks)))

    async def aget_response(
        self, query_str: str, text_chunks: Sequence[str], **response_kwargs: Any
    ) -> RESPONSE_TEXT_TYPE:
        """`get_response`, awaited."""
        return _text_of(await self.asynthesize(query_str, _nodes(text_chunks)))

    def _response(
        self, result: Result, given: Sequence[NodeWithScore], additional: Sequence[NodeWithScore]
    ) -> Response:
        sources = [*sources_of(result, given, self._top_n or self._reranker.top_n), *additional]
        metadata = {one.node.node_id: one.node.metadata for one in sources}
        text = result.answer.text if result.answer else ""
        return Response(text, source_nodes=sources, metadata={**metadata, NOTE: answer_note(result)})


def _nodes(text_chunks: Sequence[str]) -> list[NodeWithScore]:
    return [NodeWithScore(node=TextNode(text=chunk)) for chunk in text_chunks]


def _text_of(response: RESPONSE_TYPE) -> RESPONSE_TEXT_TYPE:
    return response.response_gen if isinstance(response, StreamingResponse | AsyncStreamingResponse) else str(response)


def _streamed(response: Response) -> StreamingResponse:
    def words() -> Iterator[str]:
        yield from _words(response)

    return StreamingResponse(words(), response.source_nodes, response.metadata)  # type: ignore[arg-type]


def _astreamed(response: Response) -> AsyncStreamingResponse:
    async def words() -> AsyncGenerator[str, None]:
        for word in _words(response):
            yield word

    return AsyncStreamingResponse(words(), response.source_nodes, response.metadata)


def _words(response: Response) -> list[str]:
    return re.findall(r"\s*\S+\s*", response.response or "")
