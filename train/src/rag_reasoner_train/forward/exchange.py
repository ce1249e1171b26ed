"""A prompt and a reply in tokens: what the model's logits are wanted for."""

from dataclasses import dataclass

from rag_reasoner.encoding import Encoded
from rag_reasoner_train.forward.trees import Ids


@dataclass(frozen=True, slots=True)
class Exchange:
    """A prompt as inference encodes it, and the tokens of a reply, the one that ends it included."""

    prompt: Encoded
    reply: Ids

    @property
    def read(self) -> Ids:
        """The tokens that the model reads: nothing follows the reply's last one, so it need not be read."""
        return self.prompt.ids + self.reply[:-1]

    @property
    def first(self) -> int:
        """The place in `read` that foretells the reply's first token."""
        return len(self.prompt.ids) - 1
