"""How much more likely yes is than no: one number a prompt, with gradients."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from rag_reasoner.backends.local.head import in_full
from rag_reasoner.backends.local.judge import answers_of
from rag_reasoner.backends.local.load import Loaded
from rag_reasoner.encoding import Encoded
from rag_reasoner_train.forward.exchange import Exchange
from rag_reasoner_train.forward.logits import reply_logits

if TYPE_CHECKING:
    import torch


def margins(model: Any, loaded: Loaded, prompts: Sequence[Encoded]) -> "torch.Tensor":
    """logit(yes) - logit(no) after each prompt, in fp32, as inference computes both: P(yes) is the sigmoid of it."""
    answers = answers_of(loaded.encoder)
    asked = [Exchange(replace(one, ids=one.ids + answers.shared), (answers.yes,)) for one in prompts]
    with in_full(loaded.model, (answers.yes, answers.no)):
        logits = reply_logits(model, loaded, asked)
    return logits[:, answers.yes] - logits[:, answers.no]
