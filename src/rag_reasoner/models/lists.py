"""How a model learned to be shown lists. Pure."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Lists:
    """The best `size` documents at once, best first, and `tokens` tokens of each.

    `held`: the model writes best when what it must not choose is given (see `rag_reasoner.tasks.scaffold`). `passages`,
    of a held one: where the judge finds that the first document answers, that is quoted from so many of its sentences,
    the likeliest. None: from any.
    """

    size: int
    tokens: int
    held: bool = False
    passages: int | None = None
