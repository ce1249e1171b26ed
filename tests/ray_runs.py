"""Reranking over a local Ray, as a program of its own that a test can kill: python ray_runs.py QUESTIONS OUT MARKS."""

import os
import signal
import sys
import time
from pathlib import Path

from rag_reasoner import ReasoningReranker
from rag_reasoner.backends.base import Reply
from rag_reasoner.backends.lexical import Lexical
from rag_reasoner.batch.ray import rerank_file

PART_ROWS = 4


class Marked(Lexical):
    """The model-free backend, a little slow, which leaves a mark for each call: the process it ran in."""

    def __init__(self, marks):
        super().__init__()
        self._marks = marks

    def complete(self, tasks, on_text=None) -> list[Reply]:
        Path(self._marks, f"{os.getpid()}-{time.monotonic_ns()}").touch()
        if any("deadly" in str(task.messages()) for task in tasks):
            os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(0.2)
        return super().complete(tasks, on_text)


def started():
    """A Ray of two CPUs in this process."""
    import ray

    here = {"env_vars": {"PYTHONPATH": str(Path(__file__).parent)}}
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, object_store_memory=100 << 20, runtime_env=here)


def rerank(questions, out, marks, at_once=1):
    """Two workers and small parts: so there is a moment to kill somebody."""
    make = lambda: ReasoningReranker(Marked(str(marks)))  # noqa: E731 - what a user would type
    return rerank_file(questions, out, make, workers=2, cpus_each=1, part_rows=PART_ROWS, at_once=at_once)


if __name__ == "__main__":
    started()
    rerank(*sys.argv[1:])
