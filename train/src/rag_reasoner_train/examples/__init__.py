"""Rows and chains as tasks with their perfect replies: the only thing that the training stages consume."""

from rag_reasoner_train.examples.example import Example
from rag_reasoner_train.examples.listwise import listwise_examples
from rag_reasoner_train.examples.pointwise import pointwise_examples

__all__ = ["Example", "listwise_examples", "pointwise_examples"]
