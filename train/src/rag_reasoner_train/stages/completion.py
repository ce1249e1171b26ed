"""The completion objective: the perfect reply, token by token, and nothing of the prompt."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rag_reasoner_train.forward.logits import logprobs
from rag_reasoner_train.learner import Learner
from rag_reasoner_train.stages import dev
from rag_reasoner_train.stages.encoding import Desk
from rag_reasoner_train.stages.objective import Outcome, Unit


@dataclass(frozen=True)
class Completion:
    """The mean of -log p over the tokens of the replies, each reply's end included."""

    learner: Learner
    desk: Desk

    def items(self, units: Sequence[Unit]) -> int:
        return sum(one.reply for unit in units for one in unit)

    def __call__(self, model: Any, units: Sequence[Unit]) -> Outcome:
        exchanges = [self.desk.exchange(one.example) for unit in units for one in unit]
        said = logprobs(model, self.learner.loaded, exchanges)
        read = sum(one.tokens for unit in units for one in unit)
        return Outcome(-said.logprobs.sum(), len(said.logprobs), read, {})

    def figures(self, model: Any, units: Sequence[Unit], most: int) -> Mapping[str, float]:
        """The loss, and of the judgements among the examples what they are worth."""
        loss = dev.mean_loss(model, self.learner, self, units, most)
        pairs = [one for unit in units for one in unit if one.example.relevant is not None]
        judged = dev.judge(model, self.learner, self.desk, pairs, most)
        return {"loss": loss, **(dev.judging_figures(judged) if judged else {})}
