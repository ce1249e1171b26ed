"""Where in a document the answer stands, as the judge finds: a quote that answers is taken from there.

A small model that writes takes the wrong sentence of the right document more often than one that only has to judge.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from rag_reasoner.backends.base import Card
from rag_reasoner.stages.steps import AskJudge, Steps, judged
from rag_reasoner.tasks import RelevanceTask, Shown
from rag_reasoner.types import Candidate, Fault
from rag_reasoner.words import overlap, sentences, terms

MOST_JUDGED = 24
"""So many sentences are judged at most beside those wanted: those that share most words with the query."""


@dataclass(frozen=True, slots=True)
class Passages:
    """The texts of a document that a quote may be taken from, in its order, and what went wrong in finding them."""

    texts: tuple[str, ...]
    faults: tuple[Fault, ...] = ()


def likeliest_passages(query: str, candidate: Candidate, document: Shown, card: Card) -> Steps[Passages]:
    """The likeliest sentences of `document`, the candidate as it is shown: as many as the card of a model that is held
    to the format wants. All that is shown where it wants none, there are no more, or not all could be judged.
    """
    most = card.lists.passages if card.lists and card.lists.held else None
    each = list(_sentences(document)) if most else []
    if most is None or len(each) <= most:
        return Passages(document.pieces())
    each = _nearest(query, each, MOST_JUDGED + most)
    replies = yield from judged(AskJudge("passages", tuple(RelevanceTask(query, one) for one in each)))
    found = [reply.probability for reply in replies if reply.probability is not None]
    if len(found) < len(each):
        lost = next(reply.fault for reply in replies if reply.fault)
        told = replace(lost, position=candidate.position, source=candidate.document.source)
        return Passages(document.pieces(), (told,))
    likeliest = sorted(range(len(each)), key=lambda place: (-found[place], place))[:most]
    return Passages(tuple(each[place].text for place in sorted(likeliest)))


def _nearest(query: str, each: Sequence[Shown], most: int) -> list[Shown]:
    """The sentences to be judged, in the order of the document."""
    nearest = sorted(range(len(each)), key=lambda place: (-overlap(query, each[place].text), place))
    return [each[place] for place in sorted(nearest[:most])]


def _sentences(document: Shown) -> Iterator[Shown]:
    """Each sentence of what is shown that can be quoted, shown by itself under the document's title."""
    for (begin, _), piece in zip(document.spans, document.pieces(), strict=True):
        for start, end in sentences(piece):
            text = piece[start:end]
            if terms(text) and document.locate(text):
                yield replace(document, text=text, spans=((begin + start, begin + end),), image=None, cut=True)
