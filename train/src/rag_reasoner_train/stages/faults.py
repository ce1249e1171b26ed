"""What ends a run, in words: a loss that is no number, a reward that fails, rewards that all say the same."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rag_reasoner.errors import RagReasonerError

if TYPE_CHECKING:
    import torch


class NotANumber(RagReasonerError):
    """The loss or the gradient is not a number: what was learned since the last checkpoint is of no use."""


class RewardFailed(RagReasonerError):
    """A reward raised an error: it is a bug, and never counts as 0."""


def refuse_not_a_number(loss: "torch.Tensor", step: int, examples: Sequence[str]) -> None:
    """Raises NotANumber, with the step and the examples of the batch, unless `loss` is finite."""
    value = float(loss.detach())
    if value != value or value in (float("inf"), float("-inf")):
        shown = ", ".join(map(repr, examples[:5])) + (" …" if len(examples) > 5 else "")
        raise NotANumber(
            f"the loss is {value} at step {step}, examples {shown}: resume from the last checkpoint with a smaller "
            "learning_rate, a smaller max_grad_norm, or precision: float32"
        )
