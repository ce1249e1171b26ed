"""True quotes of a text, and quotes with one thing altered that truly do not stand in it; both made from a seed."""

import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from random import Random

from rag_reasoner.words import terms

Alter = Callable[[Random, list[str]], list[str] | None]

VOCABULARY = "agency budget court million never always increase decrease less more north south first last".split()
_CURRENCY = "$€£"


def true_quotes(random: Random, text: str, count: int) -> Iterator[str]:
    """Stretches of `text` from the beginning of a word to the end of one, that have a word that carries meaning.

    A number that the page prints as "88 .41" is one word.
    """
    words = list(re.finditer(r"(?:(?<=\d)[ \t]+(?=[.,]\d)|\S)+", text))
    for _ in range(count):
        first = random.randrange(len(words))
        last = min(first + random.choice((0, 1, 2, 4, 8, 15, 30)), len(words) - 1)
        quote = text[words[first].start() : words[last].end()]
        if terms(quote):
            yield quote


def altered_quotes(random: Random, text: str, count: int) -> Iterator[tuple[str, str]]:
    """The alteration's name and the altered quote, up to `count` times; no wording of it stands in `text`."""
    present = _plain_words(text)
    for quote in true_quotes(random, text, count):
        name, alter = random.choice(list(ALTERATIONS.items()))
        words = alter(random, quote.split())
        if words and not _stands_in(_words(" ".join(words)), present):
            yield name, " ".join(words)


def _stands_in(words: tuple[str, ...], present: str) -> bool:
    """An oracle of its own: word by word, after the marks around a word are taken off."""
    return f"\n{chr(10).join(words)}\n" in present


@lru_cache(maxsize=8)
def _plain_words(text: str) -> str:
    return "\n" + "\n".join(_words(text)) + "\n"


def _words(text: str) -> tuple[str, ...]:
    joined = re.sub(r"(\d)[ \t]+([.,]\d)", r"\1\2", re.sub("[\u0002\ufffe\u00ad]", "", text))
    return tuple(filter(None, (word.strip(".,;:\"“”'‘’()[]•*†‡…") for word in joined.split())))


def _at(pattern: str) -> Callable[[Callable[[Random, str], str]], Alter]:
    """An alteration of one word that matches."""

    def altering(change: Callable[[Random, str], str]) -> Alter:
        def alter(random: Random, words: list[str]) -> list[str] | None:
            places = [place for place, word in enumerate(words) if re.search(pattern, word)]
            if not places:
                return None
            place = random.choice(places)
            return [*words[:place], change(random, words[place]), *words[place + 1 :]]

        return alter

    return altering


def _at_digit(random: Random, word: str, change: Callable[[str], str]) -> str:
    place = random.choice([place for place, char in enumerate(word) if char.isdigit()])
    return word[:place] + change(word[place]) + word[place + 1 :]


def _inside(change: Callable[[Random, list[str], int], list[str]]) -> Alter:
    """An alteration somewhere between the first word and the last."""

    def alter(random: Random, words: list[str]) -> list[str] | None:
        return change(random, words, random.randrange(1, len(words) - 1)) if len(words) > 2 else None

    return alter


def _without_not(random: Random, words: list[str]) -> list[str] | None:
    places = [place for place, word in enumerate(words[1:-1], 1) if word.lower() in ("not", "no", "never", "without")]
    return [word for place, word in enumerate(words) if place != random.choice(places)] if places else None


ALTERATIONS: dict[str, Alter] = {
    "digit changed": _at(r"\d")(lambda r, w: _at_digit(r, w, lambda digit: str((int(digit) + r.randint(1, 9)) % 10))),
    "digit inserted": _at(r"\d")(lambda r, w: _at_digit(r, w, lambda digit: digit + r.choice("0123456789"))),
    "digit deleted": _at(r"\d.*\d")(lambda r, w: _at_digit(r, w, lambda digit: "")),
    "sign added": _at(r"^\$?\d")(lambda r, w: r.choice("-−+") + w),
    "sign dropped": _at(r"^[-−+]\$?\d")(lambda r, w: w[1:]),
    "percent added": _at(r"\d$")(lambda r, w: w + "%"),
    "percent dropped": _at(r"\d%")(lambda r, w: w.replace("%", "")),
    "point moved": _at(r"\d\.\d")(lambda r, w: re.sub(r"(\d)\.(\d)", r".\1\2" if r.random() < 0.5 else r"\1\2.", w)),
    "point dropped": _at(r"\d[.,]\d")(lambda r, w: re.sub(r"(?<=\d)[.,](?=\d)", "", w, count=1)),
    "number cut": _at(r"\d[.,]\d")(lambda r, w: re.split(r"(?<=\d)[.,](?=\d)", w)[r.choice((0, -1))]),
    "currency changed": _at(r"[$€£]\d")(
        lambda r, w: re.sub(r"[$€£]", lambda m: _CURRENCY[_CURRENCY.index(m[0]) - 1], w)
    ),
    "currency dropped": _at(r"[$€£]\d")(lambda r, w: re.sub(r"[$€£]", "", w)),
    "currency added": _at(r"^\d")(lambda r, w: r.choice(_CURRENCY) + w),
    "letter changed": _at(r"[a-z]{3}")(lambda r, w: re.sub(r"[a-z](?=[a-z]{2})", r.choice("bcdfgkmp"), w, count=1)),
    "word cut": _at(r"[A-Za-z]{4}")(lambda r, w: re.sub(r"[A-Za-z]{4,}", lambda m: m[0][:-2], w, count=1)),
    "beginning cut": _at(r"^\w+[-–'’]?\w{4}")(lambda r, w: re.sub(r"^\w{2}[-–'’]?", "", w)),
    "unit's case": _at(r"[a-z]{2}")(lambda r, w: w.swapcase()),
    "word replaced": _inside(lambda r, words, place: [*words[:place], r.choice(VOCABULARY), *words[place + 1 :]]),
    "word removed": _inside(lambda r, words, place: [*words[:place], *words[place + 1 :]]),
    "word added": _inside(lambda r, words, place: [*words[:place], r.choice(VOCABULARY), *words[place:]]),
    "words swapped": _inside(
        lambda r, words, place: [*words[: place - 1], words[place], words[place - 1], *words[place + 1 :]]
    ),
    "negation added": _inside(lambda r, words, place: [*words[:place], "not", *words[place:]]),
    "negation removed": _without_not,
    "joined": _inside(
        lambda r, words, place: [*words[: place - 1], words[place - 1] + words[place], *words[place + 1 :]]
    ),
}
