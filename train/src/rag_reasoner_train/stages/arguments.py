"""The arguments of the trainer behind: our defaults, and what a run's file hands on."""

from collections.abc import Mapping
from typing import Any, Literal, TypeVar

from rag_reasoner.errors import InvalidInput
from rag_reasoner_train.config import Run
from rag_reasoner_train.learner import Learner

ARGUMENTS = TypeVar("ARGUMENTS")

DEFAULTS: Mapping[str, Any] = {
    "learning_rate": 3e-4,
    "lr_scheduler_type": "cosine",
    "warmup_steps": 0.05,
    "weight_decay": 0.0,
    "num_train_epochs": 1,
    "logging_steps": 5,
    "save_steps": 50,
    "save_total_limit": 2,
    "eval_steps": 50,
    "report_to": ["tensorboard"],
    "remove_unused_columns": False,
    "ddp_broadcast_buffers": False,
}
"""Buffers are constants here; sent with each forward pass, they hang processes that make different numbers of them."""


def arguments_of(stage: Literal["sft", "pointwise", "listwise"]) -> type:
    """The dataclass of what a stage hands on."""
    from transformers import TrainingArguments
    from trl import GRPOConfig

    found: type = TrainingArguments if stage == "sft" else GRPOConfig
    return found


def arguments(
    kind: type[ARGUMENTS], run: Run[Any], learner: Learner, own: Mapping[str, Any], *, evaluates: bool
) -> ARGUMENTS:
    """The arguments of `kind`: `own` are the stage's defaults. Raises InvalidInput for a value that is refused."""
    fixed = {"output_dir": str(run.settings.out), "seed": run.settings.seed}
    device = {"use_cpu": learner.loaded.model.device.type == "cpu", "bf16": learner.mixed}
    shared = {**DEFAULTS, **device, "eval_strategy": "steps" if evaluates else "no"}
    try:
        return kind(**{**shared, **own, **run.handed_on, **fixed})
    except (ValueError, TypeError, ImportError) as error:
        raise InvalidInput(f"{run.file}: {error}") from error
