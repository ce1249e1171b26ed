"""What supervised fine-tuning makes small, and what it tells of a batch."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from rag_reasoner_train.stages.encoding import Sized

if TYPE_CHECKING:
    import torch

Unit = tuple[Sized, ...]
"""Examples that are learned together: the candidates of a row, or one example alone."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The loss summed over `items`, and figures summed likewise, of `tokens` tokens: those of each example by
    itself, also where what examples share is read once.

    `margins`: what was made of each candidate that was judged, by its example's id.
    """

    loss: "torch.Tensor"
    items: int
    tokens: int
    figures: Mapping[str, tuple[float, int]]
    margins: Mapping[str, float] = field(default_factory=dict)


class Objective(Protocol):
    """An objective of supervised fine-tuning."""

    def items(self, units: Sequence[Unit]) -> int:
        """Over how many things the loss of a batch is a mean."""

    def __call__(self, model: Any, units: Sequence[Unit]) -> Outcome:
        """What `model` makes of a batch."""

    def figures(self, model: Any, units: Sequence[Unit], most: int) -> Mapping[str, float]:
        """The loss, and what else can be told, of the dev set; at most `most` tokens are computed at once."""
