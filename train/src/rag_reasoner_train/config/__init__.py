"""One flat YAML file a run, as typed values; what is not ours goes on to transformers' or TRL's own arguments."""

from rag_reasoner_train.config.read import Run, read_run
from rag_reasoner_train.config.settings import Common, Listwise, Pointwise, Settings, Sft

__all__ = ["Common", "Listwise", "Pointwise", "Run", "Settings", "Sft", "read_run"]
