"""Files and folders become documents; whatever could not be read is told by name and reason, and costs nothing else."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from os import PathLike
from threading import Lock

from rag_reasoner.pages import ocr as ocr_module
from rag_reasoner.pages.contents import Contents, Tell, contents
from rag_reasoner.pages.files import File, Found, find
from rag_reasoner.pages.limits import MAX_PAGES
from rag_reasoner.pages.pool import Pool, shared
from rag_reasoner.pages.roots import grant
from rag_reasoner.pages.unread import Unread
from rag_reasoner.types import Document, Fault

__all__ = ["Progress", "Reading", "Unread", "read"]

StrPath = str | PathLike[str]


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a reading has come: `file` of `files`, and `page` of `pages` in it, all from 1."""

    source: str
    file: int
    files: int
    page: int
    pages: int


@dataclass(frozen=True, slots=True)
class Reading:
    """The documents that were read, and all that was not.

    `files` counts the files of a kind that is read; `skipped` those in folders that are of another kind.
    """

    documents: tuple[Document, ...]
    unread: tuple[Unread, ...]
    files: int
    skipped: int = 0

    @property
    def without_text(self) -> tuple[Document, ...]:
        """Pages that are images only: they can be found and checked by eye, not by their words."""
        return tuple(document for document in self.documents if document.metadata.get("no_text"))

    @property
    def faults(self) -> tuple[Fault, ...]:
        """What was not read and what has no text, as faults of a result."""
        unread = (Fault("unread", _placed(one.page) + one.reason, source=one.source) for one in self.unread)
        silent = (Fault("no_text", _placed(one.page), source=one.source) for one in self.without_text)
        return (*unread, *silent)


def read(
    paths: StrPath | Iterable[StrPath],
    *,
    password: str | None = None,
    ocr: bool | None = None,
    max_pages: int = MAX_PAGES,
    progress: Callable[[Progress], None] | None = None,
    pool: Pool | None = None,
) -> Reading:
    """Read PDFs, images and texts, given one by one or as folders.

    Pages without a text layer go through OCR where the extra is installed; `ocr=True` demands it, `ocr=False` forbids
    it. One that stays without text is kept, with `metadata["no_text"]`. Several files are read at once; `progress` is
    called after each page, from one thread at a time.
    """
    recogniser = ocr_module.recogniser(ocr)
    workers = pool or shared()
    found = find([paths] if isinstance(paths, str | PathLike) else paths)
    tellers = _tellers(progress, found.files)

    def read_file(file: File, tell: Tell) -> Contents:
        grant(file.path)
        return contents(file, workers, password=password, max_pages=max_pages, tell=tell)

    with ThreadPoolExecutor(max(1, min(workers.size, len(found.files)))) as threads:
        read_files = list(threads.map(read_file, found.files, tellers))
    documents = _named(found.files, read_files)
    if recogniser is not None:
        documents = tuple(recogniser.recognised(document, workers) for document in documents)
    return Reading(documents, _unread(found, read_files), len(found.files), found.skipped)


def _tellers(progress: Callable[[Progress], None] | None, files: Sequence[File]) -> Iterator[Tell]:
    """For each file, what is called after each of its pages. Several files are read at once, but told one at a time."""
    one_at_a_time = Lock()

    def tell(file: File, number: int, page: int, pages: int) -> None:
        if progress is not None:
            with one_at_a_time:
                progress(Progress(file.source, number, len(files), page, pages))

    return (partial(tell, file, number) for number, file in enumerate(files, 1))


def _named(files: Sequence[File], read_files: Sequence[Contents]) -> tuple[Document, ...]:
    """All documents, with ids that start with the file's name, or its path where two files share a name."""
    taken = Counter(name for file in files for name in {file.name, file.relative})
    documents = []
    for file, read_file in zip(files, read_files, strict=True):
        name = next((name for name in (file.name, file.relative) if taken[name] == 1), file.source)
        documents += [replace(one, id=_id(name, one.page)) for one in read_file.documents]
    return tuple(documents)


def _id(name: str, page: int | None) -> str:
    return name if page is None else f"{name}#p{page}"


def _unread(found: Found, read_files: Sequence[Contents]) -> tuple[Unread, ...]:
    return (*found.unread, *(unread for read_file in read_files for unread in read_file.unread))


def _placed(page: int | None) -> str:
    return "" if page is None else f"p. {page}: "
