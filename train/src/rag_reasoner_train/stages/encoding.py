"""Examples in tokens: the same ids that inference gives the model, by the same function."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path

from rag_reasoner.encoding import Encoded
from rag_reasoner.errors import InvalidInput, RagReasonerError
from rag_reasoner.messages import Message
from rag_reasoner.pages import load
from rag_reasoner.types import Image
from rag_reasoner_train.examples import Example
from rag_reasoner_train.forward.exchange import Exchange
from rag_reasoner_train.forward.trees import Ids, distinct
from rag_reasoner_train.learner import Learner


@dataclass(frozen=True, slots=True)
class Sized:
    """An example and the number of tokens that it takes, prompt and reply together, and the reply alone."""

    example: Example
    tokens: int
    reply: int


class Desk:
    """Counts and encodes examples for one learner. What cannot be used is named by its example's id."""

    def __init__(self, learner: Learner, image_roots: Sequence[Path] = ()) -> None:
        self._encoder, self._context = learner.loaded.encoder, learner.context
        self.image = partial(load, image_roots=tuple(image_roots))
        self._size = lru_cache(maxsize=256)(self._measured)

    def count(self, messages: Sequence[Message]) -> int:
        """The number of tokens that `messages` take, as inference counts them."""
        return self._encoder.count(messages, self._size)

    def sized(self, examples: Iterable[Example], reply: int | None = None) -> list[Sized]:
        """The examples with their tokens; the reply is the target, or `reply` tokens where those are given.

        Raises InvalidInput naming the first that does not fit the model's context.
        """
        return [self._sized(one, reply) for one in examples]

    def prompt(self, example: Example) -> Encoded:
        """The prompt as inference encodes it."""
        try:
            return self._encoder.encode(example.task.messages(), self.image)
        except RagReasonerError as error:
            raise InvalidInput(f"example {example.id!r}: {error}") from error

    def exchange(self, example: Example) -> Exchange:
        """The prompt and the target, with the token that ends a turn. Raises InvalidInput without a target."""
        return Exchange(self.prompt(example), self._reply(example))

    def together(self, examples: Sequence[Example]) -> int:
        """The number of tokens that exchanges take when what they have in common is read once."""
        return distinct([self.exchange(one).read for one in examples])

    def _reply(self, example: Example) -> Ids:
        if example.target is None:
            raise InvalidInput(f"example {example.id!r} has no perfect reply: make the chains of its row first")
        end = () if self._encoder.end_id is None else (self._encoder.end_id,)
        return self._encoder.reply_ids(example.target) + end

    def _sized(self, example: Example, reply: int | None) -> Sized:
        try:
            prompt = self.count(example.task.messages())
        except RagReasonerError as error:
            raise InvalidInput(f"example {example.id!r}: {error}") from error
        written = len(self._reply(example)) if reply is None else reply
        if prompt + written > self._context:
            raise InvalidInput(
                f"example {example.id!r}: its prompt takes {prompt} tokens and its reply {written}, and the model's "
                f"context is {self._context}: show less of each document (`words`) or fewer candidates"
            )
        return Sized(example, prompt + written, written)

    def _measured(self, image: Image) -> tuple[int, int]:
        width, height = self.image(image).size
        return width, height
