"""A reply's text as it grows, told piece by piece and never twice, even where a batch had to begin anew."""

from collections.abc import Callable, Sequence

OnText = Callable[[int, str], None]


class Told:
    """Turns replies so far into the pieces that are new."""

    def __init__(self, on_text: OnText) -> None:
        self._on_text = on_text
        self._told: dict[int, str] = {}

    def __call__(self, place: int, text: str) -> None:
        told = self._told.get(place, "")
        if len(text) > len(told) and text.startswith(told):
            self._told[place] = text
            self._on_text(place, text[len(told) :])

    def rows(self, places: Sequence[int]) -> OnText:
        """The same for a batch whose rows stand for these places."""
        return lambda row, text: self(places[row], text)
