"""Documents to vectors, batch by batch: while the model reads one batch, the next is drawn."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from rag_reasoner.errors import Unreadable
from rag_reasoner.pages import load
from rag_reasoner.retrieve.colpali.encoder import EncodedPage, PageEncoder
from rag_reasoner.types import Document, Fault

if TYPE_CHECKING:
    from PIL.Image import Image as Pixels

Drawing = Mapping[str, Any]
"""Options of `rag_reasoner.pages.load`."""

Outcome = EncodedPage | Fault

T = TypeVar("T")
R = TypeVar("R")


def encoded(
    documents: Sequence[Document], encoder: PageEncoder, batch_size: int, drawing: Drawing
) -> Iterator[Outcome]:
    """For each of `documents`, in their order, its vectors, or the fault that kept them from being made.

    A blank page has no vectors.
    """

    def draw(some: Sequence[Document]) -> list["Pixels | Outcome"]:
        return [_drawn(one, encoder, drawing) for one in some]

    for some, drawn in ahead(draw, batches(documents, batch_size)):
        images = [one for one in drawn if not isinstance(one, EncodedPage | Fault)]
        pages = iter(_pages(images, encoder))
        for document, one in zip(some, drawn, strict=True):
            found = one if isinstance(one, EncodedPage | Fault) else next(pages)
            yield _fault(document, found.reason) if isinstance(found, Unreadable) else found


def batches(items: Iterable[T], size: int) -> Iterator[tuple[T, ...]]:
    """`items` in tuples of `size`, the last one shorter."""
    left = iter(items)
    while some := tuple(islice(left, size)):
        yield some


def ahead(function: Callable[[T], R], items: Iterable[T]) -> Iterator[tuple[T, R]]:
    """Each of `items` with what `function` makes of it; the next is begun, in a thread, before one is handed out."""
    left = iter(items)
    with ThreadPoolExecutor(1) as thread:
        upcoming = [(item, thread.submit(function, item)) for item in islice(left, 1)]
        while upcoming:
            item, result = upcoming.pop()
            found = result.result()
            upcoming = [(following, thread.submit(function, following)) for following in islice(left, 1)]
            yield item, found


def _drawn(document: Document, encoder: PageEncoder, drawing: Drawing) -> "Pixels | Outcome":
    if document.image is None:
        return _fault(document, "it has no picture to encode")
    if document.metadata.get("blank"):
        return EncodedPage(np.zeros((0, encoder.dim), dtype=np.float32), 0, 0)
    try:
        return load(document.image, **encoder.resolution, **drawing)
    except Unreadable as unreadable:
        return _fault(document, unreadable.reason)


def _pages(images: Sequence["Pixels"], encoder: PageEncoder) -> list[EncodedPage | Unreadable]:
    """The pages of a batch; where the model does not take it, those that it takes one by one."""
    try:
        return [*encoder.pages(images)]
    except Unreadable as unreadable:
        if len(images) == 1:
            return [unreadable]
        return [page for image in images for page in _pages([image], encoder)]


def _fault(document: Document, reason: str) -> Fault:
    place = f"p. {document.page}: " if document.page else ""
    return Fault("unread", place + reason, source=document.source or document.id)
