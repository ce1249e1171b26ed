"""Harder parts of a benchmark: from a record to the part of it that belongs to the slice, or None."""

from collections.abc import Callable

from rag_reasoner.evaluate.record import Record

Slice = Callable[[Record], Record | None]


def missed_by_bm25(record: Record) -> Record | None:
    """Questions whose best relevant candidate BM25 did not put first when the file was made."""
    rank = record.gold.get("bm25_rank")
    return record if rank is not None and rank > 1 else None


def same_document(record: Record) -> Record | None:
    """Only the candidates that are from the question's own document, in the order that they were given."""
    if "same_doc" not in record.gold:
        return None
    same = frozenset(record.gold["same_doc"])
    order = tuple(one for one in record.order if one in same)
    return record.model_copy(
        update={
            "order": order,
            "kept": sum(one in same for one in record.order[: record.kept]),
            "relevant": {one: grade for one, grade in record.relevant.items() if one in same},
        }
    )
