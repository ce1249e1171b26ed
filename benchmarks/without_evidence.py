"""An ablation: the default model ranks and answers as `rag-reasoner eval` has it do, but without lines of evidence.

    python benchmarks/without_evidence.py jsonl --data FOLDER --out RUN

Takes what `rag-reasoner eval` takes. The library has no such setting, as what is not quoted cannot be checked; so the
task is put in its place here. Its reply cites nothing: there is no quote that a mark could stand for.
"""

import sys

from rag_reasoner.cli import app
from rag_reasoner.stages import rank
from rag_reasoner.tasks import ListwiseTask


class WithoutEvidence(ListwiseTask):
    """Rank and answer, and nothing else."""

    __slots__ = ()
    gives_evidence = False
    gives_answer = True


if __name__ == "__main__":
    rank._task = lambda card, *, answer: WithoutEvidence
    app(["eval", *sys.argv[1:]])
