"""What LlamaIndex's engines ask of a node postprocessor: with it, a reranker can be dropped straight into them."""

from typing import Any

from rag_reasoner.adapters import adapter


class DropsIntoLlamaIndex:
    """The two methods and the attribute that engines use. All conversion lives in the adapter."""

    callback_manager: Any = None
    _postprocessor: Any = None

    def as_llama_index(self, **options: Any) -> Any:
        """A LlamaIndex node postprocessor. Raises MissingIntegration where its package is not installed."""
        return adapter("llama_index")(self, **options)

    def postprocess_nodes(self, nodes: list[Any], query_bundle: Any = None, query_str: str | None = None) -> list[Any]:
        """Rank LlamaIndex nodes. Raises MissingIntegration where the adapter's package is not installed."""
        return list(self._adapter().postprocess_nodes(nodes, query_bundle=query_bundle, query_str=query_str))

    async def apostprocess_nodes(
        self, nodes: list[Any], query_bundle: Any = None, query_str: str | None = None
    ) -> list[Any]:
        """`postprocess_nodes`, awaited."""
        return list(await self._adapter().apostprocess_nodes(nodes, query_bundle=query_bundle, query_str=query_str))

    def _adapter(self) -> Any:
        """The adapter, made once: to look for its entry point takes longer than to rank a few nodes."""
        if self._postprocessor is None:
            self._postprocessor = self.as_llama_index()
        if self.callback_manager is not None:
            self._postprocessor.callback_manager = self.callback_manager
        return self._postprocessor
