"""What is watched while rewards teach: samples for people to read, and rewards that no longer differ."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from transformers import TrainerCallback

from rag_reasoner_train.stages.encoding import Sized
from rag_reasoner_train.written import write_json_lines


class Samples(TrainerCallback):  # type: ignore[misc]
    """Every so many steps, the replies of the last batch with their rewards: `samples/step-N.jsonl`."""

    trainer: Any = None

    def __init__(self, out: Path, every: int, examples: Sequence[Sized]) -> None:
        self._folder, self._every, self._examples = out / "samples", every, examples

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if state.is_world_process_zero and self._every and (state.global_step - 1) % self._every == 0:
            write_json_lines(self._folder / f"step-{state.global_step:05d}.jsonl", list(self._lines()))

    def _lines(self) -> Any:
        logs = self.trainer._logs
        for number, (place, reply) in enumerate(zip(logs["prompt"], logs["completion"], strict=True)):
            example = self._examples[int(place)].example
            rewards = {name: _known(values[number]) for name, values in logs["rewards"].items()}
            advantage = logs["advantages"][number]
            yield {"id": example.id, "reply": reply, "rewards": rewards, "advantage": advantage}


class Patience(TrainerCallback):  # type: ignore[misc]
    """Ends a run when, for so many steps on end, the replies of each group earned the same: nothing is learned then."""

    trainer: Any = None

    def __init__(self, steps: int) -> None:
        self._steps, self._flat = steps, 0
        self.told: str | None = None

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        groups = self.trainer._metrics["train"].get("frac_reward_zero_std")
        if not groups:  # replies drawn at an earlier step are learned from once more
            return
        self._flat = self._flat + 1 if groups[-1] >= 1.0 else 0
        if self._steps and self._flat >= self._steps:
            control.should_training_stop = control.should_save = True
            self.told = (
                f"stopped at step {state.global_step}: for {self._flat} steps the rewards of each group were all the "
                "same, so nothing was learned; raise the temperature, take harder rows, or weigh rewards that differ"
            )


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value
