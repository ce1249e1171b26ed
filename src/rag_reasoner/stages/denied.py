"""Reasons that deny a word: whether the document has it all the same. Pure.

A quote is looked up on its page; so is what is said not to stand there. Only what names single words can be looked up:
"no word of Chester or 1883", "nothing on premiums".
"""

import re

from rag_reasoner.types import Document
from rag_reasoner.words import spelling

_DENIES = re.compile(r"\b(?:no word of|nothing on) (.+?)(?=[;,](?:\s|$)|\.(?:\s+(?-i:[A-Z])|\s*$)|$)", re.IGNORECASE)


def denied_but_there(reason: str, document: Document) -> tuple[str, ...]:
    """The single words of which `reason` says that the document has nothing, as its text or title spells them."""
    words = (word.strip() for found in _DENIES.finditer(reason) for word in re.split(r"\bor\b", found[1]))
    single = (word for word in words if len(word.split()) == 1)
    return tuple(filter(None, (spelling(word, f"{document.title}\n{document.text}") for word in single)))
