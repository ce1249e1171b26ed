"""Models behind an OpenAI-compatible server: vLLM, SGLang, llama.cpp, or a hosted service."""

from rag_reasoner.backends.openai_compatible.backend import OpenAICompatible

__all__ = ["OpenAICompatible"]
