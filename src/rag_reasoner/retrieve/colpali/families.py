"""The families of late-interaction vision models, and which of them a checkpoint is: a closed table, never a guess."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from rag_reasoner.errors import ModelError

Arrangement = Literal["square", "grid", "tiles"]
"""How a page becomes cells: one square, a grid of the page's own shape, or tiles that are squares of cells each."""

ENGINE = "colpali_engine"


@dataclass(frozen=True, slots=True)
class Family:
    """Checkpoints whose configuration says `model_type` and `architecture`, and the classes that load them."""

    model_type: str
    architecture: str
    arrangement: Arrangement
    home: str
    processor: str

    @property
    def needs_engine(self) -> bool:
        """Whether only colpali-engine knows the family."""
        return self.home.startswith(ENGINE)


FAMILIES = (
    Family("colpali", "ColPaliForRetrieval", "square", "transformers", "ColPaliProcessor"),
    Family("colqwen2", "ColQwen2ForRetrieval", "grid", "transformers", "ColQwen2Processor"),
    Family("colmodernvbert", "ColModernVBertForRetrieval", "tiles", "transformers", "ColModernVBertProcessor"),
    Family("qwen2_5_vl", "ColQwen2_5", "grid", f"{ENGINE}.models", "ColQwen2_5_Processor"),
    Family("qwen3_vl", "ColQwen3", "grid", f"{ENGINE}.models", "ColQwen3Processor"),
    Family("idefics3", "ColIdefics3", "tiles", f"{ENGINE}.models", "ColIdefics3Processor"),
)
"""transformers' own classes where it has some; ColSmol's checkpoints are of the family ColIdefics3."""


def family_of(config: Mapping[str, Any], name: str) -> Family:
    """The family that a checkpoint's `config.json` names. Raises ModelError, with what it names and what is known."""
    model_type, architectures = config.get("model_type"), config.get("architectures") or ()
    for family in FAMILIES:
        if family.model_type == model_type and family.architecture in architectures:
            return family
    known = ", ".join(f"{family.architecture} ({family.model_type})" for family in FAMILIES)
    found = f"{', '.join(map(str, architectures)) or 'no architecture'} ({model_type or 'no model_type'})"
    raise ModelError(
        f"{name!r} is no page retriever that is known here: its configuration says {found}; known: {known}"
    )
