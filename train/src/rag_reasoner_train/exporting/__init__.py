"""What a run has learned, as a folder that `ReasoningReranker(model=FOLDER)` loads."""

from rag_reasoner_train.exporting.export import Wanted, export
from rag_reasoner_train.stages.calibrating import Measured

__all__ = ["Measured", "Wanted", "export"]
