"""What the model says of given tokens: packed without padding where it can be, side by side where images are."""

from rag_reasoner_train.forward.exchange import Exchange
from rag_reasoner_train.forward.logits import Said, logprobs, reply_logits

__all__ = ["Exchange", "Said", "logprobs", "reply_logits"]
