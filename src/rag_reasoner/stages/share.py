"""How much of each document is shown, and how many fit into one window of the model's context."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rag_reasoner.backends.base import Card
from rag_reasoner.stages.fit import Count, fit, require_room
from rag_reasoner.stages.windows import window_size
from rag_reasoner.tasks import ListwiseTask, MMR5Task, Shown, show
from rag_reasoner.types import Candidate

Asked = type[ListwiseTask] | type[MMR5Task]

_LEAST_DOCUMENT = 48
_PER_DOCUMENT = 16
_SIDE_BY_SIDE = 4
"""Where the context is small, documents are cut so far that this many of them can be compared."""


@dataclass(frozen=True, slots=True)
class Shares:
    """Every candidate as shown, by its position, and how many of them a window takes."""

    shown: Mapping[int, Shown]
    window: int

    @property
    def cut(self) -> frozenset[int]:
        """The positions of those that were cut."""
        return frozenset(position for position, document in self.shown.items() if document.cut)


def shares(
    query: str, candidates: Sequence[Candidate], card: Card, count: Count, document_tokens: int, asked: Asked
) -> Shares:
    """At most `document_tokens` tokens of each candidate. Raises QueryTooLong where hardly anything could be shown."""
    number, reply = len(candidates), _reply_tokens(asked, query)
    least = min(number, 2) * (_LEAST_DOCUMENT + _PER_DOCUMENT + reply)
    room = require_room(asked(query, ()), card.context, count, query, least=least)
    most = room // min(number, _SIDE_BY_SIDE) - _PER_DOCUMENT - reply
    tokens = min(document_tokens, max(most, _LEAST_DOCUMENT))
    shown = {c.position: _shown(query, c, card, count, tokens) for c in candidates}
    costs = [_cost(document, asked, count) + reply for document in shown.values()]
    return Shares(shown, window_size(costs, room))


def _reply_tokens(asked: Asked, query: str) -> int:
    """What one more document adds to the reply."""
    document = Shown("", "", (), "")
    return asked(query, (document,)).reply_tokens - asked(query, ()).reply_tokens


def _shown(query: str, candidate: Candidate, card: Card, count: Count, tokens: int) -> Shown:
    if card.format == "mm_r5" and card.reads_images and candidate.document.image:
        return show(candidate, (), with_image=True)
    return fit(query, candidate, tokens, count, with_image=card.reads_images)


def _cost(document: Shown, asked: Asked, count: Count) -> int:
    alone, empty = asked("", (document,)), asked("", ())
    return count(alone.messages()) - count(empty.messages()) + _PER_DOCUMENT
