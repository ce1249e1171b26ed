"""PDFs, read and drawn by pdfium. Runs in the worker process only."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pypdfium2 as pdfium
import pypdfium2.raw as raw

from rag_reasoner.pages import hidden
from rag_reasoner.pages.frames import Frame
from rag_reasoner.pages.limits import MAX_CHARACTERS
from rag_reasoner.pages.refused import Refused
from rag_reasoner.pages.scale import fitting, size_problem, to_whole_pixels
from rag_reasoner.pages.units import Units
from rag_reasoner.pages.words_of_page import boxed_words

HEADER_WITHIN = 1024
MAX_SCALE = 300 / 72
"""A page is never drawn finer than 300 dots an inch."""


def is_pdf(source: Path | bytes) -> bool:
    """Whether the source has a PDF's header where PDFs have it."""
    if isinstance(source, bytes):
        return b"%PDF-" in source[:HEADER_WITHIN]
    with source.open("rb") as file:
        return b"%PDF-" in file.read(HEADER_WITHIN)


def read(path: str, password: str | None, first: int, last: int, blob: bytes) -> Iterator[Frame]:
    """The number of pages, then the text of each page from `first` to `last`, both from 1."""
    with _opened(Path(path), password) as document:
        yield Frame({"pages": len(document)})
        for number in range(first, min(last, len(document)) + 1):
            yield Frame({"page": number, **_read_page(document, number)})


def words(path: str, password: str | None, page: int, blob: bytes) -> Iterator[Frame]:
    """The text of one page, and its words: start, end, left, top, right, bottom."""
    with _opened(Path(path), password) as document, _page(document, page) as opened, _textpage(opened) as textpage:
        units = Units(_raw_text(textpage))
        yield Frame({"text": units.text, "words": boxed_words(opened, textpage, units)})


def draw(
    source: Path | bytes, *, password: str | None, page: int | None, size: list[int] | None, max_pixels: int
) -> Iterator[Frame]:
    """The page as RGB bytes, as large as `size` and `max_pixels` allow."""
    with _opened(source, password) as document, _page(document, page or 1) as opened:
        width, height = opened.get_size()
        if problem := size_problem(width, height):
            raise Refused(problem)
        scale = to_whole_pixels(width, height, min(fitting(width, height, size, max_pixels), MAX_SCALE))
        bitmap = opened.render(scale=scale, rev_byteorder=True, prefer_bgrx=False)
        try:
            yield Frame({"width": bitmap.width, "height": bitmap.height}, bitmap.to_pil().convert("RGB").tobytes())
        finally:
            bitmap.close()


def _read_page(document: pdfium.PdfDocument, number: int) -> dict[str, object]:
    try:
        with _page(document, number) as page, _textpage(page) as textpage:
            return _contents(page, textpage)
    except Refused as refused:
        return {"refused": str(refused)}
    except MemoryError:
        return {"refused": "it needs more memory than a page may take"}


def _contents(page: pdfium.PdfPage, textpage: pdfium.PdfTextPage) -> dict[str, object]:
    raw_text = _raw_text(textpage)
    text = Units.cleaned(raw_text)
    return {
        "text": text,
        "hidden": hidden.spans(page, textpage, raw_text) if text.strip() else [],
        "blank": not text.strip() and not raw.FPDFPage_CountObjects(page),
        "undrawable": size_problem(*page.get_size()),
    }


def _raw_text(textpage: pdfium.PdfTextPage) -> str:
    count = textpage.count_chars()
    if count > MAX_CHARACTERS:
        raise Refused(f"it has {count:,} characters; a page may have {MAX_CHARACTERS:,}")
    return str(textpage.get_text_range(errors="surrogatepass")) if count > 0 else ""


@contextmanager
def _opened(source: Path | bytes, password: str | None) -> Iterator[pdfium.PdfDocument]:
    if not is_pdf(source):
        raise Refused("it is not a PDF")
    _forget_last_error()
    try:
        document = pdfium.PdfDocument(source, password=password)
    except pdfium.PdfiumError as error:
        raise Refused(_opening_problem(error.err_code, password)) from error
    try:
        yield document
    finally:
        document.close()


def _forget_last_error() -> None:
    """PDFium keeps the last failure's code, and a file without pages sets none: it would inherit another file's."""
    raw.FPDF_LoadMemDocument64(b"-", 1, None)


def _opening_problem(code: int | None, password: str | None) -> str:
    if code == raw.FPDF_ERR_PASSWORD:
        return "the password does not open it" if password else "it is encrypted: give its password"
    if code == raw.FPDF_ERR_SECURITY:
        return "its encryption is of a kind that cannot be read"
    return "it is too damaged to open, or has no pages"


@contextmanager
def _page(document: pdfium.PdfDocument, number: int) -> Iterator[pdfium.PdfPage]:
    if not 1 <= number <= len(document):
        raise Refused(f"it has no page {number}: it has {len(document)}")
    try:
        page = document[number - 1]
    except (pdfium.PdfiumError, ValueError) as error:
        raise Refused("the page is too damaged to read") from error
    try:
        yield page
    finally:
        page.close()


@contextmanager
def _textpage(page: pdfium.PdfPage) -> Iterator[pdfium.PdfTextPage]:
    try:
        textpage = page.get_textpage()
    except pdfium.PdfiumError as error:
        raise Refused("the text of the page is too damaged to read") from error
    try:
        yield textpage
    finally:
        textpage.close()
