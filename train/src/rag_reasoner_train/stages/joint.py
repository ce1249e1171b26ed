"""Both objectives in the same steps, so that neither is unlearned for the other."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rag_reasoner_train.stages.completion import Completion
from rag_reasoner_train.stages.contrastive import Contrastive
from rag_reasoner_train.stages.objective import Outcome, Unit

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Joint:
    """A mean over rows and replies: a row counts its contrastive loss, a reply the mean of its tokens'."""

    judging: Contrastive
    writing: Completion

    def items(self, units: Sequence[Unit]) -> int:
        rows, replies = _parted(units)
        return len(rows) + sum(map(len, replies))

    def __call__(self, model: Any, units: Sequence[Unit]) -> Outcome:
        rows, replies = _parted(units)
        parts = [self.judging(model, rows)] if rows else []
        parts += [self._written(model, replies)] if replies else []
        loss: torch.Tensor = sum(part.loss for part in parts)  # type: ignore[assignment]
        figures = {name: figure for part in parts for name, figure in part.figures.items()}
        margins = {id: margin for part in parts for id, margin in part.margins.items()}
        return Outcome(loss, self.items(units), sum(part.tokens for part in parts), figures, margins)

    def figures(self, model: Any, units: Sequence[Unit], most: int) -> Mapping[str, float]:
        """The figures of judging, and the loss of the replies' tokens."""
        rows, replies = _parted(units)
        judged = self.judging.figures(model, rows, most) if rows else {}
        written = self.writing.figures(model, replies, most) if replies else {}
        return {**judged, **{f"reply_{name}": value for name, value in written.items()}}

    def _written(self, model: Any, replies: Sequence[Unit]) -> Outcome:
        loss = self.writing.reply_losses(model, replies).sum()
        read = sum(one.tokens for unit in replies for one in unit)
        count = self.items(replies)
        return Outcome(loss, count, read, {"reply_loss": (float(loss.detach()), count)})


def _parted(units: Sequence[Unit]) -> tuple[list[Unit], list[Unit]]:
    """The rows to be judged, and the replies to be written."""
    rows = [unit for unit in units if unit[0].example.relevant is not None]
    return rows, [unit for unit in units if unit[0].example.relevant is None]
