"""The model that learns: base weights, with an adapter or whole, and how it reads."""

from rag_reasoner_train.learner.learner import Learner, load_learner

__all__ = ["Learner", "load_learner"]
