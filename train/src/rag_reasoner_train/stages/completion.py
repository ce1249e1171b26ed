"""The completion objective: the perfect reply, token by token, and nothing of the prompt."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rag_reasoner_train.forward.logits import Said, logprobs
from rag_reasoner_train.learner import Learner
from rag_reasoner_train.stages import dev
from rag_reasoner_train.stages.encoding import Desk
from rag_reasoner_train.stages.objective import Outcome, Unit

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Completion:
    """The mean of -log p over the tokens of the replies, each reply's end included."""

    learner: Learner
    desk: Desk

    def items(self, units: Sequence[Unit]) -> int:
        return sum(one.reply for unit in units for one in unit)

    def __call__(self, model: Any, units: Sequence[Unit]) -> Outcome:
        said = self._said(model, units)
        read = sum(one.tokens for unit in units for one in unit)
        return Outcome(-said.logprobs.sum(), len(said.logprobs), read, {})

    def reply_losses(self, model: Any, units: Sequence[Unit]) -> "torch.Tensor":
        """(replies,): of each the mean of -log p over its tokens."""
        import torch

        said = self._said(model, units)
        return -torch.stack([one.mean() for one in torch.split(said.logprobs, list(said.sizes))])

    def _said(self, model: Any, units: Sequence[Unit]) -> Said:
        return logprobs(model, self.learner.loaded, [self.desk.exchange(one.example) for unit in units for one in unit])

    def figures(self, model: Any, units: Sequence[Unit], most: int) -> Mapping[str, float]:
        """The loss, and of the judgements among the examples what they are worth."""
        loss = dev.mean_loss(model, self.learner, self, units, most)
        pairs = [one for unit in units for one in unit if one.example.relevant is not None]
        judged = dev.judge(model, self.learner, self.desk, pairs, most)
        return {"loss": loss, **(dev.judging_figures(judged) if judged else {})}
