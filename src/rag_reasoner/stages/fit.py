"""Making documents fit: a document too long for its share is cut around the passages that matter to the query."""

from collections.abc import Callable, Sequence

from rag_reasoner.errors import QueryTooLong
from rag_reasoner.messages import DocumentText, Message
from rag_reasoner.tasks import Shown, Task, show
from rag_reasoner.types import Candidate
from rag_reasoner.words import focus

Count = Callable[[Sequence[Message]], int]
"""The number of tokens that messages take in a model."""

_TRIES = 4


def fit(query: str, candidate: Candidate, tokens: int, count: Count, *, with_image: bool = False) -> Shown:
    """`candidate` as shown within about `tokens` tokens of text: whole, or cut."""
    text = candidate.document.text
    length = _count_text(text, count)
    if length <= tokens:
        return show(candidate, with_image=with_image)
    most = int(len(text) * tokens / length)
    for _ in range(_TRIES):
        shown = show(candidate, focus(query, text, most), with_image=with_image)
        if _count_text(shown.text, count) <= tokens:
            return shown
        most = int(most * 0.8)
    return show(candidate, (), with_image=with_image)


def _count_text(text: str, count: Count) -> int:
    return count((Message("user", (DocumentText(text),)),)) if text else 0


def require_room(empty: Task, context: int, count: Count, query: str) -> int:
    """The tokens that are left for documents beside the question, the instructions and the reply.

    Raises QueryTooLong where they alone fill the model's context.
    """
    taken = count(empty.messages()) + empty.reply_tokens
    if taken >= context:
        raise QueryTooLong(
            f"the query ({len(query):,} characters: {query[:40]!r}…) and the instructions take {taken:,} tokens, but "
            f"the model's context is {context:,}; shorten the query or take a model with a longer context"
        )
    return context - taken
