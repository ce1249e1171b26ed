"""The numbers that English words say, read as the package `word2number` 1.1 reads them.

The official scripts of WebQA and MultimodalQA normalise answers with that package, so its readings, the odd ones too,
are part of those metrics: words that are no number words are passed over, "point" alone is 0, and "two million three
thousand" is 2004003, because a trailing "thousand" is counted once more with what stands before it.
"""

from collections.abc import Sequence
from itertools import pairwise
from math import prod

_DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_TEENS = ("ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen").split()
_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_SCALES = {"billion": 10**9, "million": 10**6, "thousand": 10**3}
_POINT = "point"
_VALUES = {
    **{word: value for value, word in enumerate((*_DIGITS, *_TEENS))},
    **{word: 10 * tens for tens, word in enumerate(_TENS, 2)},
    "hundred": 100,
    **_SCALES,
}


def number(text: str) -> int | float | None:
    """The number that `text` says, in digits or in words; None where it says none that can be read."""
    spaced = text.replace("-", " ").lower()
    if spaced.isdigit():
        return _whole_number(spaced)
    words = [word for word in spaced.split() if word in _VALUES or word == _POINT]
    if not words or any(words.count(word) > 1 for word in (*_SCALES, _POINT)):
        return None
    cut = words.index(_POINT) if _POINT in words else len(words)
    whole = _whole(words[:cut])
    return None if whole is None else whole + _decimals(words[cut + 1 :])


def _whole_number(digits: str) -> int | None:
    try:
        return int(digits)
    except ValueError:  # a superscript is a digit to str and none to int, and int reads no more than some thousands
        return None


def _whole(words: Sequence[str]) -> int | None:
    """What the words before the point say: groups of up to four words, each but the last with its scale."""
    if len(words) < 2:
        return _VALUES[words[0]] if words else 0
    places = [words.index(scale) for scale in _SCALES if scale in words]
    starts = [0, *(place + 1 for place in places)]
    groups = [words[start:place] for start, place in zip(starts, places, strict=False)]
    if any(place > later for place, later in pairwise(places)) or not all(groups):
        return None
    scaled = sum(_group(group) * _VALUES[words[place]] for group, place in zip(groups, places, strict=True))
    return scaled + _rest(words, places)


def _rest(words: Sequence[str], places: Sequence[int]) -> int:
    """What stands after the smallest scale that is not the last word; all of it where there is no scale."""
    if not places:
        return _group(words)
    open_places = [place for place in places if place != len(words) - 1]
    return _group(words[open_places[-1] + 1 :]) if open_places else 0


def _group(words: Sequence[str]) -> int:
    """[3, 100, 40, 2] is 342, [3, 100] is 300, [40, 2] is 42; of more than four only the first is read."""
    values = [_VALUES[word] for word in words]
    if len(values) == 2:
        return prod(values) if 100 in values else sum(values)
    return values[0] * values[1] + sum(values[2:]) if len(values) in (3, 4) else values[0]


def _decimals(words: Sequence[str]) -> int | float:
    if not words or not all(word in _DIGITS for word in words):
        return 0
    return float("0." + "".join(str(_VALUES[word]) for word in words))
