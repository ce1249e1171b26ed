"""The words of a page with their boxes, fetched when they are needed: most pages are never cited."""

from collections.abc import Sequence
from dataclasses import replace
from os import PathLike

from rag_reasoner.errors import Unreadable
from rag_reasoner.pages.client import Lost
from rag_reasoner.pages.pool import Pool, shared
from rag_reasoner.pages.refused import Refused
from rag_reasoner.pages.roots import allowed
from rag_reasoner.types import Box, Document, Image, Word

PDF = "application/pdf"


def with_words(
    document: Document, *, image_roots: Sequence[str | PathLike[str]] = (".",), pool: Pool | None = None
) -> Document:
    """The page of a PDF with its words, other documents as they are.

    A page that no longer has the text it was read with is `Unreadable`.
    """
    image = document.image
    if image is None or image.path is None or image.media_type != PDF or not _lacks_words(document):
        return document
    source = document.source or image.path
    text, words = _fetched(image, allowed(image.path, image_roots), source, pool or shared())
    if text != document.text:
        raise Unreadable(source, f"page {document.page} has changed since it was read")
    return replace(document, words=words)


def _lacks_words(document: Document) -> bool:
    """Whether a page's text layer has words that are not fetched yet; what OCR found was never in the file."""
    return bool(document.text) and not document.words and not document.metadata.get("ocr")


def _fetched(image: Image, path: str, source: str, pool: Pool) -> tuple[str, tuple[Word, ...]]:
    request = {"do": "words", "path": path, "password": image.password, "page": image.page or 1}
    try:
        with pool.borrow() as worker:
            (frame,) = worker.request(request, seconds=pool.limits.seconds)
    except (Refused, Lost) as error:
        raise Unreadable(source, str(error)) from error
    return str(frame.header["text"]), tuple(_word(*row) for row in frame.header["words"])


def _word(start: int, end: int, left: float, top: float, right: float, bottom: float) -> Word:
    return Word(start, end, Box(left, top, right, bottom))
