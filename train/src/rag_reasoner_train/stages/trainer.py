"""The trainer of supervised fine-tuning: transformers' own, whose batches are packs and whose loss is an objective's.

TRL's SFTTrainer templates, tokenises, masks, pads and computes logits of the prompt; here each of these is done another
way, and nothing of it would be left. `docs/training.md` tells more.
"""

import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from transformers import Trainer, TrainingArguments

from rag_reasoner_train.learner.checkpoints import saved_whole
from rag_reasoner_train.rows.met import note_met
from rag_reasoner_train.stages.faults import refuse_not_a_number
from rag_reasoner_train.stages.objective import Objective, Unit

if TYPE_CHECKING:
    import torch

Pack = tuple[Unit, ...]
Evaluate = Callable[[Any], Mapping[str, float]]
"""Figures of a model on the dev set, by their names."""


class PackTrainer(Trainer):  # type: ignore[misc]
    """Learns packs under an objective; evaluates as it is told."""

    def __init__(
        self,
        model: Any,
        args: TrainingArguments,
        packs: Sequence[Pack],
        objective: Objective,
        evaluate: Evaluate | None,
        *,
        card: Mapping[str, Any],
        **options: Any,
    ) -> None:
        self._objective, self._measure, self._card = objective, evaluate, card
        self._sums: dict[str, tuple[float, int]] = {}
        self._tokens, self._since = 0, time.monotonic()
        shown = [None] if evaluate else None  # transformers wants to see a dev set where one is evaluated on
        super().__init__(model, args, data_collator=_alone, train_dataset=_Listed(packs), eval_dataset=shown, **options)

    def compute_loss(
        self, model: Any, inputs: Mapping[str, Pack], return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> "torch.Tensor":
        pack = inputs["pack"]
        found = self._objective(model, pack)
        loss = found.loss / (num_items_in_batch or found.items)
        refuse_not_a_number(found.loss, self.state.global_step + 1, [one.example.id for unit in pack for one in unit])
        self._note(found.tokens, found.figures)
        note_met(Path(self.args.output_dir), self.args.process_index, found.margins)
        return loss

    def _get_num_items_in_batch(self, batch_samples: Sequence[Mapping[str, Pack]], device: Any) -> int:
        return sum(self._objective.items(batch["pack"]) for batch in batch_samples)

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        if "loss" in logs:
            now = time.monotonic()
            logs = {**logs, "tokens_per_second": round(self._tokens / max(now - self._since, 1e-9), 1)}
            logs |= {name: total / max(count, 1) for name, (total, count) in self._sums.items()}
            self._sums, self._tokens, self._since = {}, 0, now
        super().log(logs, start_time)

    def evaluate(self, *_: Any, metric_key_prefix: str = "eval", **__: Any) -> dict[str, float]:
        assert self._measure is not None
        started = time.monotonic()
        figures = {f"{metric_key_prefix}_{name}": value for name, value in self._measure(self.model).items()}
        self.model.train()
        self.log(figures)
        self.control: Any = self.callback_handler.on_evaluate(self.args, self.state, self.control, figures)
        self._since += time.monotonic() - started
        return figures

    def _save_checkpoint(self, *args: Any, **options: Any) -> None:
        first, wait = self.is_world_process_zero(), self.accelerator.wait_for_everyone
        with saved_whole(self.args.output_dir, self.state.global_step, self._card, first=first, wait=wait):
            super()._save_checkpoint(*args, **options)

    def _note(self, tokens: int, figures: Mapping[str, tuple[float, int]]) -> None:
        self._tokens += tokens
        sums: defaultdict[str, tuple[float, int]] = defaultdict(lambda: (0.0, 0), self._sums)
        for name, (total, count) in figures.items():
            sums[name] = (sums[name][0] + total, sums[name][1] + count)
        self._sums = dict(sums)


class _Listed:
    """Packs as torch wants a dataset."""

    def __init__(self, packs: Sequence[Pack]) -> None:
        self._packs = packs

    def __len__(self) -> int:
        return len(self._packs)

    def __getitem__(self, place: int) -> Pack:
        return self._packs[place]


def _alone(batch: Sequence[Pack]) -> dict[str, Pack]:
    return {"pack": tuple(unit for pack in batch for unit in pack)}
