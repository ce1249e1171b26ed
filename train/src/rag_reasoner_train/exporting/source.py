"""Where an export comes from: a run's checkpoint and what the run says of itself."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rag_reasoner.errors import InvalidInput
from rag_reasoner_train.learner.checkpoints import WHOLE, last_checkpoint
from rag_reasoner_train.stages.record import RUN


@dataclass(frozen=True, slots=True)
class Source:
    """A checkpoint, its run as `run.json` tells it, and the run's last figures on its dev rows."""

    checkpoint: Path
    told: Mapping[str, Any]
    figures: Mapping[str, float]

    @property
    def is_adapter(self) -> bool:
        """Whether it holds an adapter, and not whole weights."""
        return (self.checkpoint / "adapter_config.json").is_file()


def source_of(place: Path) -> Source:
    """`place` is a run's folder, whose last checkpoint is meant, or one of its checkpoints."""
    checkpoint = place if (place / WHOLE).is_file() else last_checkpoint(place)
    if checkpoint is None:
        raise InvalidInput(f"{place} has no whole checkpoint: give the folder of a run that has saved one")
    told = _json(checkpoint.parent / RUN)
    return Source(checkpoint, told, _last_figures(_json(checkpoint / "trainer_state.json")))


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InvalidInput(
            f"{path} cannot be read ({error}): give the folder of a run as the trainer left it"
        ) from error


def _last_figures(state: Mapping[str, Any]) -> dict[str, float]:
    found: dict[str, float] = {}
    for line in state.get("log_history", ()):
        found |= {name.removeprefix("eval_"): value for name, value in line.items() if name.startswith("eval_")}
    return {name: value for name, value in found.items() if isinstance(value, int | float)}
