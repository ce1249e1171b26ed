"""What a document is about, and what of a question it lacks, in a few words of its own."""

import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence

from rag_reasoner.tasks import Shown
from rag_reasoner.types import Document
from rag_reasoner.words import terms

_MOST_TITLE_WORDS = 8
_MOST_MISSING = 2

_WORD = re.compile(r"[^\W_]+(?:[-'’][^\W_]+)*")
_PROSE = 400
"""So many characters of a document tell its topic: what it is about, it says first."""


def topics(documents: Sequence[Shown]) -> list[str]:
    """For each document a few words that tell it from the others: its title where that does, else its own words."""
    titles = Counter(one.title for one in documents)
    spread = Counter(term for one in documents for term in set(terms(one.text)))
    return [
        _short_title(one.title) if one.title and titles[one.title] == 1 else _own_words(one, spread, len(documents))
        for one in documents
    ]


def _short_title(title: str) -> str:
    words = title.split()
    return " ".join(words[:_MOST_TITLE_WORDS])


def _own_words(document: Shown, spread: Counter[str], count: int) -> str:
    """The three words that stand often in this document and in few of the others, in reading order."""
    words = dict(_by_term(document.text[:_PROSE]))
    often = Counter(terms(document.text))
    weight = {term: often[term] * math.log(1 + count / spread[term]) for term in words if term in often}
    best = sorted(weight, key=lambda term: -weight[term])[:3]
    return ", ".join(words[term] for term in words if term in best)


def _by_term(text: str) -> Iterator[tuple[str, str]]:
    """Each term of `text` with the word as it is written there; numbers and single letters say little about a topic."""
    for word in _WORD.findall(text):
        found = terms(word)
        if len(found) == 1 and len(word) > 2 and not word[0].isdigit():
            yield found[0], word


def missing(question: str, document: Document) -> list[str]:
    """The question's words that the document does not have, the longest first, as the question writes them."""
    there = {*terms(document.text), *terms(document.title)}
    lacking = {term: word for word in _WORD.findall(question) for term in terms(word) if term not in there}
    return sorted(dict.fromkeys(lacking.values()), key=lambda word: -len(word))[:_MOST_MISSING]
