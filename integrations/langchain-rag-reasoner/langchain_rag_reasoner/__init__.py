"""rag_reasoner in LangChain. These adapters convert values and decide nothing."""

from langchain_rag_reasoner.compressor import ReasoningCompressor, as_compressor
from langchain_rag_reasoner.grounded import GroundedAnswer
from langchain_rag_reasoner.retrievers import PageRetriever, ReasoningRetriever
from langchain_rag_reasoner.runnable import as_runnable
from langchain_rag_reasoner.tool import as_tool

__all__ = [
    "GroundedAnswer",
    "PageRetriever",
    "ReasoningCompressor",
    "ReasoningRetriever",
    "as_compressor",
    "as_runnable",
    "as_tool",
]
