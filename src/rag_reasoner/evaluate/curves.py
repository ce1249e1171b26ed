"""What the plots draw, as numbers."""

from collections.abc import Sequence

from rag_reasoner.evaluate.record import Record
from rag_reasoner.metrics import mean, recall


def recall_by_k(records: Sequence[Record], most: int = 20) -> list[float]:
    """Mean recall at 1, 2, ... up to `most` or the longest order, over the questions that have a relevant document."""
    judged = [one for one in records if one.relevant]
    longest = min(most, max((len(one.order) for one in judged), default=0))
    return [mean(recall(one.order, one.relevant, k=k) for one in judged) for k in range(1, longest + 1)]


def judged_pairs(records: Sequence[Record]) -> tuple[list[float], list[bool]]:
    """P(relevant) of every judged pair, and whether it is relevant."""
    pairs = [
        (p, document in record.relevant)
        for record in records
        for document, p in record.probabilities.items()
        if p is not None
    ]
    return [p for p, _ in pairs], [label for _, label in pairs]
