"""Asking a teacher: a large model behind an OpenAI-compatible endpoint, and what it has said so far."""
