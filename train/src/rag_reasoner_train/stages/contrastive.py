"""The contrastive point-wise objective: the candidates of a row against each other, and each by itself.

With s_i = logit(yes) - logit(no) of candidate i, R the relevant and N the other candidates of a row:
    -1/|R| sum_{r in R} log( exp(s_r) / (exp(s_r) + sum_{n in N} exp(s_n)) )  +  bce * mean_i BCE(sigmoid(s_i), i in R)
The relevant ones do not compete with each other. A row without a relevant candidate has the second term only. The first
is the InfoNCE loss of van den Oord et al. (2018); the second keeps P(yes) a probability. Where words count, `nearness`
times each candidate's nearness is added to its s_i, a constant: what words tell need not be learned then, as the
calibration counts them again. With `spoken` comes
    spoken * mean_i -log( P_i(yes) + P_i(no) )
where P_i is over the whole vocabulary: told apart only from each other, yes and no would no longer be what the model
says, and a sampler, such as stage 1's, finds nothing to reward.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from statistics import fmean
from typing import TYPE_CHECKING, Any

from rag_reasoner.errors import InvalidInput
from rag_reasoner_train.examples import Example
from rag_reasoner_train.learner import Learner
from rag_reasoner_train.stages import dev
from rag_reasoner_train.stages.encoding import Desk
from rag_reasoner_train.stages.judgements import judgements
from rag_reasoner_train.stages.objective import Outcome, Unit

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Contrastive:
    """The loss above, a mean over rows. `given` is what is added to the margins of examples, by their ids."""

    learner: Learner
    desk: Desk
    bce: float
    given: Mapping[str, float] = field(default_factory=dict)
    spoken: float = 0.0

    def items(self, units: Sequence[Unit]) -> int:
        return len(units)

    def __call__(self, model: Any, units: Sequence[Unit]) -> Outcome:
        import torch

        prompts = [self.desk.prompt(one.example) for unit in units for one in unit]
        said = judgements(model, self.learner.loaded, prompts)
        margin = said.margins + said.margins.new_tensor([self._given(one.example) for unit in units for one in unit])
        sizes = [len(unit) for unit in units]
        found, unsaid = torch.split(margin, sizes), torch.split(said.unsaid, sizes)
        labels = [
            torch.tensor([label_of(one.example) for one in unit], device=row.device)
            for unit, row in zip(units, found, strict=True)
        ]
        losses = [row_loss(row, label, self.bce) for row, label in zip(found, labels, strict=True)]
        first = [bool(label[row.argmax()]) for row, label in zip(found, labels, strict=True) if label.any()]
        ours = [one for unit in units for one in unit]
        met = dict(zip([one.example.id for one in ours], margin.tolist(), strict=True))
        figures = {"hit@1": (float(sum(first)), len(first)), "unsaid": (float(said.unsaid.detach().sum()), len(ours))}
        loss = torch.stack(losses).sum() + self.spoken * torch.stack([one.mean() for one in unsaid]).sum()
        return Outcome(loss, len(units), sum(one.tokens for one in ours), figures, met)

    def figures(self, model: Any, units: Sequence[Unit], most: int) -> Mapping[str, float]:
        """The loss and what the judgements are worth, both of one and the same look at the dev set."""
        found = dev.judge(model, self.learner, self.desk, [one for unit in units for one in unit], most)
        judged = [replace(one, margin=one.margin + self._given(one.example)) for one in found]
        left = iter(judged)
        losses = [self._loss([next(left) for _ in unit]) for unit in units]
        return {"loss": sum(losses) / max(len(losses), 1), **dev.judging_figures(judged)}

    def _given(self, example: Example) -> float:
        return self.given.get(example.id, 0.0)

    def _loss(self, row: Sequence[dev.Judged]) -> float:
        import torch

        margin = torch.tensor([one.margin for one in row])
        told_apart = float(row_loss(margin, torch.tensor([label_of(one.example) for one in row]), self.bce))
        return told_apart + self.spoken * fmean(one.unsaid for one in row)


def row_loss(margin: "torch.Tensor", relevant: "torch.Tensor", bce: float) -> "torch.Tensor":
    """The loss of one row's candidates: their yes-minus-no logits and which of them are relevant."""
    import torch
    from torch.nn.functional import binary_cross_entropy_with_logits

    alone = bce * binary_cross_entropy_with_logits(margin, relevant.to(margin.dtype))
    if not relevant.any() or relevant.all():
        return alone
    others = margin[~relevant].logsumexp(0)
    wanted = margin[relevant]
    return (torch.logaddexp(wanted, others) - wanted).mean() + alone


def label_of(example: Example) -> bool:
    """Whether the document is relevant. Raises InvalidInput for an example that is not about one document."""
    if example.relevant is None:
        raise InvalidInput(f"example {example.id!r} is no judgement of one document: it has no label")
    return example.relevant
