"""What may stand in a line of evidence: a document's words in quotation marks, or the model's own without. Pure.

A model that copies may slip; held to what the document goes on with, it chooses what to quote and where to stop, and
every quote is found again.
"""

import re
from collections.abc import Sequence

from rag_reasoner.quotes import find_quote
from rag_reasoner.words import terms

MARK = '"'
_OURS = frozenset(f"{MARK}<")
_MARKS = frozenset("“”«")
_UNFINISHED = "\ufffd"
"""What a tokenizer gives for a byte of a character that is not whole yet."""

_MOST_BYTES = 4


class Said:
    """What may be said of a document that reads `texts`: after a blank, a quote in quotation marks, or a reason.

    `must_quote`: no reason, where there is a word that can be looked up.
    """

    def __init__(self, texts: Sequence[str], *, must_quote: bool = False) -> None:
        self._texts = tuple(" ".join(text.split()) for text in texts)
        self.must_quote = must_quote and any(map(terms, self._texts))

    def may_begin(self, said: str) -> bool:
        """Whether a line may begin with `said`."""
        if not said.startswith(" ") or "\n" in said:
            return False
        words = said[1:]
        if not words.startswith(MARK):
            return _plain(words) and not (self.must_quote and words)
        quote, closed, rest = words[1:].partition(MARK)
        return self._found(quote) and not rest and quote == quote.strip() if closed else self._goes_on(quote)

    def is_whole(self, said: str) -> bool:
        """Whether nothing may follow: a quote has been closed."""
        return len(said) > 2 and said[1] == MARK and said.endswith(MARK)

    def closed(self, said: str) -> str:
        """`said` as a whole line: of a quote that was not closed, as much as ends with a word of the document."""
        if not said.startswith(f" {MARK}") or self.is_whole(said):
            return f" {said.strip()}"
        quote = said[2:].rstrip(_UNFINISHED)
        kept = next((quote[:end] for end in _ends(quote) if self._found(quote[:end])), "")
        return f" {MARK}{kept}{MARK}" if kept else " "

    def _found(self, quote: str) -> bool:
        return any(find_quote(quote, text) for text in self._texts)

    def _goes_on(self, quote: str) -> bool:
        """Whether the words stand in a document as the beginning of a quote: from the beginning of a word."""
        return any(_from_a_word(quote, text) for text in self._texts)


def _plain(words: str) -> bool:
    """Whether a reason reads back as it is written: single blanks, and nothing of ours."""
    single = " ".join(words.split()) == words.removesuffix(" ")
    return single and words[:1] not in _MARKS and not _OURS.intersection(words)


def _from_a_word(quote: str, text: str) -> bool:
    if not quote:
        return bool(text)
    boundary = r"(?<!\w)" if quote[0].isalnum() or quote[0] == _UNFINISHED else ""
    return not quote[0].isspace() and re.search(boundary + _pattern(quote), text) is not None


def _pattern(quote: str) -> str:
    """The words as they stand; where they end within a character, one that takes several tokens."""
    whole = quote.rstrip(_UNFINISHED)
    begun = len(quote) - len(whole)
    return re.escape(quote) if not 0 < begun < _MOST_BYTES else rf"{re.escape(whole)}[^\x00-\x7f]"


def _ends(quote: str) -> Sequence[int]:
    """Where a word of the quote ends, the last first."""
    return [found.end() for found in re.finditer(r"\S+", quote)][::-1]
