"""A page's text as pdfium counts it, and as we keep it.

pdfium counts UTF-16 units and ends lines with CR LF; we keep characters, end lines with LF, and drop halves of
surrogate pairs, which no file or socket would take. Every place in the kept text knows its unit.
"""

import re

DROPPED = re.compile("\r(?=\n)|[\ud800-\udfff]")


class Units:
    """The kept text of a page, and the way from its places back to pdfium's."""

    def __init__(self, raw: str) -> None:
        self.text = self.cleaned(raw)
        self._starts = _starts(raw)

    @staticmethod
    def cleaned(raw: str) -> str:
        """The text that is kept of `raw`."""
        return DROPPED.sub("", raw)

    def unit(self, place: int) -> int:
        """The UTF-16 unit at which the character at `place` starts."""
        return self._starts[place]


def _starts(raw: str) -> list[int]:
    """The unit at which each kept character starts."""
    dropped = {match.start() for match in DROPPED.finditer(raw)}
    starts, unit = [], 0
    for place, character in enumerate(raw):
        if place not in dropped:
            starts.append(unit)
        unit += 2 if character > "\uffff" else 1
    return starts
