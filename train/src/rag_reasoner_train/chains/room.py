"""How long a line of evidence may be."""

import re
from dataclasses import dataclass

_PIECE = re.compile(r"(?P<letters>[A-Za-z]{1,5})|(?P<foreign>[^\W\d_])|\d|[^\w\s]|_")


@dataclass(frozen=True, slots=True)
class Room:
    """At most so many words, and about so many tokens: `pieces` counts them as byte-pair tokenizers roughly do."""

    words: int = 24
    pieces: int = 40

    def fits(self, text: str) -> bool:
        return len(text.split()) <= self.words and pieces(text) <= self.pieces


def pieces(text: str) -> int:
    """About how many tokens a text is: words in runs of five letters, each digit and mark, other scripts twice."""
    return sum(2 if found.lastgroup == "foreign" else 1 for found in _PIECE.finditer(text))


FULL = Room()
"""What the format's own limit of a line leaves for a quote or a reason."""

BRIEF = Room(12, 22)
"""For lists that must be written in few tokens."""
