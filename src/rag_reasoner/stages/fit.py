"""Making documents fit: a document too long for its share is cut around the passages that matter to the query."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from rag_reasoner.errors import QueryTooLong
from rag_reasoner.messages import DocumentText, Message
from rag_reasoner.tasks import Shown, Task, show
from rag_reasoner.types import Candidate
from rag_reasoner.words import focus

Count = Callable[[Sequence[Message]], int]
"""The number of tokens that messages take in a model."""

_TITLE_SHARE = 4
"""A title takes at most one in this many of the tokens that its document may take."""


def fit(query: str, candidate: Candidate, tokens: int, count: Count, *, with_image: bool = False) -> Shown:
    """`candidate` as shown within about `tokens` tokens of title and text: whole, or cut."""
    title = _beginning(candidate.document.title, tokens // _TITLE_SHARE, count)
    titled = replace(candidate, document=replace(candidate.document, title=title))
    shown = _fit_text(query, titled, max(tokens - _tokens(title, count), 0), count, with_image)
    return replace(shown, cut=shown.cut or title != candidate.document.title)


def _fit_text(query: str, candidate: Candidate, tokens: int, count: Count, with_image: bool) -> Shown:
    shown = show(candidate, with_image=with_image)
    most, taken = len(candidate.document.text), _tokens(candidate.document.text, count)
    while taken > tokens:
        most = _fewer(most, tokens, taken)
        shown = show(candidate, focus(query, candidate.document.text, most), with_image=with_image)
        taken = _tokens(shown.text, count)
    return shown


def _beginning(text: str, tokens: int, count: Count) -> str:
    while (taken := _tokens(text, count)) > tokens:
        text = text[: _fewer(len(text), tokens, taken)]
    return text


def _fewer(characters: int, tokens: int, taken: int) -> int:
    """How many of the characters, which take too many tokens, may fit: fewer each time, none at last."""
    return min(characters - 1, characters * tokens // taken)


def _tokens(text: str, count: Count) -> int:
    return count((Message("user", (DocumentText(text),)),)) if text else 0


def require_room(empty: Task, context: int, count: Count, query: str, *, least: int = 1) -> int:
    """The tokens that are left for documents beside the question, the instructions and the reply.

    Raises QueryTooLong where that is fewer than `least`. The message does not repeat the query: errors end up in logs.
    """
    taken = count(empty.messages()) + empty.reply_tokens
    if context - taken < least:
        raise QueryTooLong(
            f"the query ({len(query):,} characters), the instructions, the reply and the least of a document take "
            f"{taken + least:,} tokens, but the model's context is {context:,}; shorten the query or take a model with "
            "a longer context"
        )
    return context - taken
