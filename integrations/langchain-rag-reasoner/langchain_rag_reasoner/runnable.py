"""The reranker as a runnable, for chains, and as one run in the traces of everything else here."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Any, Generic, TypeVar

from langchain_core.documents import Document
from langchain_core.runnables import Runnable, RunnableConfig, RunnableLambda

from langchain_rag_reasoner.convert import candidates_of, documents_of, without_pictures
from rag_reasoner import ReasoningReranker, Result
from rag_reasoner.errors import InvalidInput

NAME = "ReasoningReranker"
"""How the run is called in a trace."""

Asked = Mapping[str, Any]
"""A question and its documents: {"query": ..., "documents": [...]}."""

Given = TypeVar("Given")


def as_runnable(
    reranker: ReasoningReranker, *, top_n: int | None = None, keep_dropped: bool = False
) -> Runnable[Asked, list[Document]]:
    """From `{"query": ..., "documents": [...]}` to copies of the documents that are left, the best first."""
    return reranking(reranker, top_n=top_n, keep_dropped=keep_dropped).runnable()


class Asking(Generic[Given]):
    """A way of asking the reranker, and the shape in which LangChain gets what it found."""

    def __init__(
        self,
        ask: Callable[..., Result],
        aask: Callable[..., Awaitable[Result]],
        shaped: Callable[[Result, Sequence[Document]], Given],
    ) -> None:
        self._ask, self._aask, self._shaped = ask, aask, shaped

    def now(self, query: str, documents: Sequence[Document], config: RunnableConfig | None) -> Given:
        """Ask, as a run of its own under the callbacks of `config`."""
        return self.runnable(documents).invoke(_traced(query, documents), config)

    async def later(self, query: str, documents: Sequence[Document], config: RunnableConfig | None) -> Given:
        """`now`, awaited."""
        return await self.runnable(documents).ainvoke(_traced(query, documents), config)

    def runnable(self, documents: Sequence[Document] | None = None) -> Runnable[Asked, Given]:
        """The runnable, for the documents that it is invoked with or, if given, for these."""

        def asking(asked: Asked) -> Given:
            query, given = _read(asked, documents)
            return self._shaped(self._ask(query, candidates_of(given)), given)

        async def aasking(asked: Asked) -> Given:
            query, given = _read(asked, documents)
            return self._shaped(await self._aask(query, candidates_of(given)), given)

        return RunnableLambda(asking, afunc=aasking, name=NAME)


def reranking(reranker: ReasoningReranker, *, top_n: int | None, keep_dropped: bool) -> Asking[list[Document]]:
    """Asking for an order."""
    most = reranker.top_n if top_n is None else top_n
    shaped = partial(documents_of, keep_dropped=keep_dropped, top_n=most)
    return Asking(partial(reranker.rerank, top_n=top_n), partial(reranker.arerank, top_n=top_n), shaped)


def answering(
    reranker: ReasoningReranker, *, top_n: int | None, shaped: Callable[[Result, Sequence[Document]], Given]
) -> Asking[Given]:
    """Asking for an order and an answer."""
    return Asking(partial(reranker.answer, top_n=top_n), partial(reranker.aanswer, top_n=top_n), shaped)


def _traced(query: str, documents: Sequence[Document]) -> Asked:
    """What a trace shows as the run's input: pages by reference, as their pictures would blow it up."""
    return {"query": query, "documents": [without_pictures(d) if isinstance(d, Document) else d for d in documents]}


def _read(asked: Asked, documents: Sequence[Document] | None) -> tuple[str, list[Document]]:
    if not isinstance(asked, Mapping) or not {"query", "documents"} <= asked.keys():
        got = sorted(asked) if isinstance(asked, Mapping) else type(asked).__name__
        raise InvalidInput(f'the input has {got}; give {{"query": ..., "documents": [...]}}')
    return asked["query"], list(asked["documents"] if documents is None else documents)
