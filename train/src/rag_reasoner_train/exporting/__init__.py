"""What a run has learned, as a folder that `ReasoningReranker(model=FOLDER)` loads."""

from rag_reasoner_train.exporting.calibrating import Measured
from rag_reasoner_train.exporting.export import Wanted, export

__all__ = ["Measured", "Wanted", "export"]
