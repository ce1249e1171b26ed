"""The default model, and what an adapter must be to fit a model. `docs/design.md`, "The default model"."""

from rag_reasoner.models.adapter_card import AdapterCard, read_card
from rag_reasoner.models.base_hash import base_hash
from rag_reasoner.models.cache import cache_folder
from rag_reasoner.models.calibration import Calibration, Isotonic, Platt
from rag_reasoner.models.default import pull

__all__ = ["AdapterCard", "Calibration", "Isotonic", "Platt", "base_hash", "cache_folder", "pull", "read_card"]
