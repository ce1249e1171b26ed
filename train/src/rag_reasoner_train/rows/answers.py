"""Whether and where an answer stands in a text, word for word."""

from rag_reasoner.quotes import find_quote
from rag_reasoner.types import Document
from rag_reasoner.words import Span
from rag_reasoner_train.rows.row import Row

_COMPUTED = ("arithmetic", "count")


def worked_out(row: Row) -> bool:
    """Whether the row says that its answer is reckoned or counted: what stands in a document is then not the answer."""
    return row.extra.get("answer_type") in _COMPUTED or bool(row.extra.get("derivation"))


def parts_of(answer: str) -> list[str]:
    """The things that an answer lists: "a; b" is two."""
    return [part.strip() for part in answer.split(";") if part.strip()] or [answer]


def carries(text: str, answer: str) -> bool:
    """Whether an answer stands in `text`; one that lists several things, with each of them."""
    return all(find_quote(part, text) for part in parts_of(answer))


def place_of(answer: str, text: str) -> Span | None:
    """From the first to the last word of the answer in `text`; None where not all of it stands there."""
    found = [find_quote(part, text) for part in parts_of(answer)]
    places = [(one.start, one.end) for one in found if one]
    if len(places) < len(found):
        return None
    return min(start for start, _ in places), max(end for _, end in places)


def holds(document: Document, row: Row) -> bool:
    """Whether one of the row's answers stands in the document."""
    return any(carries(document.text, answer) for answer in row.answers)
