"""The skeleton of a perfect reply: what a backend that holds decoding to the format walks along, piece by piece.

Whatever a model writes into the open pieces, a reply made along the scaffold of a task parses without a fault of form.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Literal:
    """Text that stands in every reply; it is given, not generated."""

    text: str


@dataclass(frozen=True, slots=True)
class Choice:
    """Exactly one of `options`."""

    options: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Free:
    """Whatever the model writes, up to (and without) the first of `stops`, within `max_tokens` tokens."""

    stops: tuple[str, ...]
    max_tokens: int


@dataclass(frozen=True, slots=True)
class Marked:
    """An answer: whatever the model writes, up to the first of `stops` or to its own first mark, within `max_tokens`
    tokens; and then, unless that abstains, `[n]` for one or more of the documents that the reply has quoted, if it has.
    """

    stops: tuple[str, ...]
    max_tokens: int


@dataclass(frozen=True, slots=True)
class Evidenced:
    """A blank, and words that stand in one of `texts` in double quotation marks, or whatever the model says instead, up
    to the end of the line, within `max_tokens` tokens.

    Right after the words `quoted_after` it says nothing instead, if there is a text to quote.
    """

    texts: tuple[str, ...]
    max_tokens: int
    quoted_after: str = ""


@dataclass(frozen=True, slots=True)
class Permutation:
    """Every number of 1..n exactly once, in the model's order, with `separator` between."""

    n: int
    separator: str


Piece = Literal | Choice | Free | Marked | Evidenced | Permutation
Scaffold = tuple[Piece, ...]
