"""What a judge says of each prompt, with gradients: how much more likely yes is than no, and how likely neither is."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from rag_reasoner.backends.local.head import in_full
from rag_reasoner.backends.local.judge import answers_of
from rag_reasoner.backends.local.load import Loaded
from rag_reasoner.encoding import Encoded
from rag_reasoner_train.forward.exchange import Exchange
from rag_reasoner_train.forward.logits import reply_logits

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True, slots=True)
class Judgements:
    """Of each prompt, in fp32: `margins`, logit(yes) - logit(no), and `unsaid`, -log(P(yes) + P(no)) as the next word.

    Both are computed as inference computes them: P(relevant) is the sigmoid of the margin.
    """

    margins: "torch.Tensor"
    unsaid: "torch.Tensor"


def judgements(model: Any, loaded: Loaded, prompts: Sequence[Encoded]) -> Judgements:
    """What `model` says after each prompt."""
    answers = answers_of(loaded.encoder)
    asked = [Exchange(replace(one, ids=one.ids + answers.shared), (answers.yes,)) for one in prompts]
    with in_full(loaded.model, (answers.yes, answers.no)):
        logits = reply_logits(model, loaded, asked).float()
    yes, no = logits[:, answers.yes], logits[:, answers.no]
    return Judgements(yes - no, logits.logsumexp(-1) - yes.logaddexp(no))
