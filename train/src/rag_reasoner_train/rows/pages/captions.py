"""Questions from captions: which figure or table shows what."""

import re
from collections.abc import Iterator

from rag_reasoner.words import terms
from rag_reasoner_train.rows.pages.asked import Asked

_KIND = r"(?P<kind>Figure|Fig\.|Table|Chart|Exhibit|Map|Diagram)"
_CAPTION = re.compile(rf"^[ \t]*(?P<name>{_KIND} ?\d+(?:[.-]\d+)*[a-z]?) ?[:.–—-] ?(?P<what>\S.*)$", re.MULTILINE)
_FEWEST_TERMS = 3
_MOST_WORDS = 25
_KINDS = {"Fig.": "figure"}


def caption_questions(text: str) -> Iterator[Asked]:
    """A question for each caption that says enough to be asked for."""
    for found in _CAPTION.finditer(text):
        what = " ".join(found["what"].split()).rstrip(" .")
        # Where a line ends without its sentence, what follows on the next line is left out of the question.
        if len(terms(what)) >= _FEWEST_TERMS and len(what.split()) <= _MOST_WORDS and not set(what) & set("<>[]"):
            kind = _KINDS.get(found["kind"], found["kind"].lower())
            yield Asked(f"Which {kind} is called “{what}”?", " ".join(found["name"].split()), what)
