"""How a model learned to be shown lists. Pure."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Lists:
    """The best `size` documents at once, best first, and `tokens` tokens of each.

    `held`: the model writes best when what it must not choose is given (see `rag_reasoner.tasks.scaffold`).
    """

    size: int
    tokens: int
    held: bool = False
