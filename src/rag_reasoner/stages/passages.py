"""Where in a document the answer stands, as the judge finds: a quote that answers is taken from there.

A small model that writes takes the wrong sentence of the right document more often than one that only has to judge.
"""

from collections.abc import Iterator

from rag_reasoner.backends.base import Card
from rag_reasoner.stages.steps import AskJudge, Steps, judged
from rag_reasoner.tasks import RelevanceTask, Shown
from rag_reasoner.words import Span, sentences, terms


def likeliest_passages(query: str, document: Shown, card: Card) -> Steps[tuple[str, ...]]:
    """The text of the likeliest sentences of what is shown of `document`, so many as the card of a model that is held
    to the format wants; all that is shown where it wants none, there are no more, or not all could be judged.
    """
    most, spans = card.lists.passages if card.lists and card.lists.held else None, list(_spans(document))
    if most is None or len(spans) <= most:
        return document.pieces()
    tasks = tuple(RelevanceTask(query, document.only(span)) for span in spans)
    replies = yield from judged(AskJudge("passages", tasks))
    found = [reply.probability for reply in replies if reply.probability is not None and 0 <= reply.probability <= 1]
    if len(found) < len(spans):
        return document.pieces()
    likeliest = sorted(range(len(spans)), key=lambda place: (-found[place], place))[:most]
    return tuple(piece for place in sorted(likeliest) for piece in document.only(spans[place]).pieces())


def _spans(document: Shown) -> Iterator[Span]:
    """The sentences of what is shown that have a word to be looked up, by where they stand in the document."""
    for begin, stop in document.spans:
        for start, end in sentences(document.original[begin:stop]):
            if terms(document.original[begin + start : begin + end]):
                yield begin + start, begin + end
