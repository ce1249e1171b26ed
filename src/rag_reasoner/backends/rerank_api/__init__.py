"""Rerankers behind `/rerank`: Cohere, Jina, vLLM, SGLang, TEI, Infinity, llama.cpp."""

from rag_reasoner.backends.rerank_api.backend import RerankAPI

__all__ = ["RerankAPI"]
