"""How deep JSON is nested and how much it holds, counted while it comes in: before any parser meets it."""

import re

_STRING = re.compile(rb'(?:[^"\\]|\\.)*+', re.DOTALL)
"""What follows an opening quotation mark, up to the closing one or to a lone backslash at the end."""

_BRACKET = re.compile(rb"[\[\]{}]")


class Shape:
    """Counts brackets and commas outside strings, over any number of pieces.

    `deepest` is the deepest nesting so far; `values` is the number of values, names of fields left out, or one more for
    every empty bracket: what a parser would have to make, and 32 MiB can hold sixteen million of.
    """

    def __init__(self) -> None:
        self.deepest = 0
        self.values = 1
        self._depth = 0
        self._quoted = False
        self._escaped = False

    def feed(self, piece: bytes) -> None:
        """Count on, through the next piece."""
        place = 0
        while place < len(piece):
            place = self._rest_of_string(piece, place) if self._quoted else self._up_to_string(piece, place)

    def _rest_of_string(self, piece: bytes, place: int) -> int:
        if self._escaped:
            self._escaped = False
            return place + 1
        found = _STRING.match(piece, place)
        end = found.end() if found else place
        self._quoted = end >= len(piece) or piece[end : end + 1] != b'"'
        self._escaped = piece[end : end + 1] == b"\\"
        return end + 1

    def _up_to_string(self, piece: bytes, place: int) -> int:
        quote = piece.find(b'"', place)
        end = len(piece) if quote < 0 else quote
        self._quoted = quote >= 0
        self.values += piece.count(b",", place, end)
        for bracket in _BRACKET.findall(piece, place, end):
            if bracket in b"[{":
                self.values += 1
                self._depth += 1
                self.deepest = max(self.deepest, self._depth)
            else:
                self._depth -= 1
        return end + 1
