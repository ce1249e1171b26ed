"""A file is read, in the worker process, within limits of pages and time; what was left out is told in sentences."""

import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from rag_reasoner.errors import Unreadable
from rag_reasoner.pages import read
from rag_reasoner.pages.ocr import recogniser
from rag_reasoner.pages.pool import Pool
from rag_reasoner.pages.reading import Progress, Reading
from rag_reasoner.results.text import counted, printable
from rag_reasoner.server.web.held import Held
from rag_reasoner.server.web.room import Room
from rag_reasoner.types import Document


class Patience:
    """How long a file may be read: until its time is up, or the one who sent it has gone."""

    def __init__(self, seconds: float, gone: threading.Event) -> None:
        self._seconds, self._gone = seconds, gone
        self._until = time.monotonic() + seconds

    @property
    def lasts(self) -> bool:
        return time.monotonic() < self._until and not self._gone.is_set()

    def check(self, progress: Progress) -> None:
        """Called after each page. Raises Unreadable, which ends the reading and keeps what was read."""
        if not self.lasts:
            left_out = f"it takes longer than {self._seconds:g} seconds; pages after {progress.page} were left out"
            raise Unreadable(progress.source, left_out)


def take_in(path: Path, id: str, room: Room, pool: Pool, gone: threading.Event) -> Held:
    """The file at `path`, read; it has no documents where nothing could be. Its name is still that of `path`."""
    patience = Patience(room.seconds, gone)
    reading = read(path, ocr=False, max_pages=room.pages, progress=patience.check, pool=pool)
    documents, unseen = _recognised(reading.documents, pool, patience)
    found = replace(reading, documents=documents)
    return Held(id, path.name, path, path.stat().st_size, documents, tuple(_sentences(found, unseen)))


def named(held: Held, name: str) -> Held:
    """The same file under the name that people know it by."""
    documents = tuple(
        replace(one, id=name if one.page is None else f"{name}#p{one.page}", source=name) for one in held.documents
    )
    return replace(held, name=name, documents=documents)


def _recognised(documents: tuple[Document, ...], pool: Pool, patience: Patience) -> tuple[tuple[Document, ...], int]:
    """The documents with what OCR reads, where it is installed; and how many pages there was no time for."""
    reader = recogniser(None)
    if reader is None:
        return documents, 0
    seen = [reader.recognised(one, pool) if patience.lasts else one for one in documents]
    missed = 0 if patience.lasts else sum(1 for one in seen if one.metadata.get("no_text"))
    return tuple(seen), missed


def _sentences(reading: Reading, unseen: int) -> Iterator[str]:
    for one in reading.unread:
        yield printable(f"p. {one.page}: {one.reason}" if one.page else one.reason)
    if silent := len(reading.without_text):
        why = "; there was no time to recognise it all" if unseen else ""
        yield f"{counted(silent, 'page')} without text: found and checked by eye only{why}"
