"""Trains the models of rag_reasoner: rows, reasoning chains, fine-tuning, and two stages of reinforcement."""

__version__ = "0.1.0"
