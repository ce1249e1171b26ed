"""rag_reasoner in LlamaIndex. These adapters convert values and decide nothing."""

from llama_index.postprocessor.rag_reasoner.base import ReasoningRerankPostprocessor, as_postprocessor
from llama_index.postprocessor.rag_reasoner.citations import citation_blocks
from llama_index.postprocessor.rag_reasoner.retriever import PageRetriever
from llama_index.postprocessor.rag_reasoner.synthesizer import GroundedSynthesizer

__all__ = [
    "GroundedSynthesizer",
    "PageRetriever",
    "ReasoningRerankPostprocessor",
    "as_postprocessor",
    "citation_blocks",
]
