"""One file becomes its documents, and a list of what in it could not be read."""

import hashlib
import os
import stat
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from rag_reasoner.errors import Unreadable
from rag_reasoner.pages import text
from rag_reasoner.pages.client import Lost
from rag_reasoner.pages.files import File, Kind
from rag_reasoner.pages.frames import Frame
from rag_reasoner.pages.limits import MAX_IMAGE_BYTES, Limits
from rag_reasoner.pages.pool import Pool
from rag_reasoner.pages.refused import Refused
from rag_reasoner.pages.unread import Unread
from rag_reasoner.types import Document, Image

MAX_LOSSES = 4
"""Workers that one file may cost. Each time it is given half the patience, so that all stay within `Limits.seconds`."""

Tell = Callable[[int, int], None]


@dataclass(slots=True)
class Contents:
    """What was read of a file so far."""

    documents: list[Document] = field(default_factory=list)
    unread: list[Unread] = field(default_factory=list)


def contents(file: File, pool: Pool, *, password: str | None, max_pages: int, tell: Tell) -> Contents:
    """The documents of `file`, their ids still without a name."""
    reading = _Reading(file, pool, password, max_pages, tell)
    try:
        _check_size(file, pool.limits)
        if file.kind == "text":
            reading.so_far.documents.append(text.read(file.path))
            tell(1, 1)
        else:
            reading.read_pages()
    except OSError as error:
        reading.give_up(error.strerror or "it cannot be read")
    except (Unreadable, Refused, Lost) as error:
        reading.give_up(error.reason if isinstance(error, Unreadable) else str(error))
    return reading.so_far


class _Reading:
    """The reading of a file page by page, which goes on behind a page that ended the worker."""

    def __init__(self, file: File, pool: Pool, password: str | None, max_pages: int, tell: Tell) -> None:
        self.so_far = Contents()
        self._file, self._pool, self._password = file, pool, password
        self._last, self._tell = max_pages, tell
        self._next, self._pages, self._losses = 1, 0, 0
        self._media_type = "application/pdf"
        self._sha256 = ""

    def give_up(self, reason: str, page: int | None = None) -> None:
        """Note what was not read."""
        self.so_far.unread.append(Unread(self._file.source, reason, page))

    def read_pages(self) -> None:
        """Read on until the last page, with as many workers as it takes and may take."""
        while not self._pages or self._next <= self._end:
            try:
                self._read_on()
                break
            except Lost as lost:
                self._count_loss(lost)
        self._report_rest()

    @property
    def _end(self) -> int:
        return min(self._pages, self._last)

    def _read_on(self) -> None:
        patience = self._pool.limits.seconds / 2 ** (self._losses + 1)
        with self._pool.borrow() as worker:
            frames = worker.request(self._request(), seconds=patience)
            self._sha256 = self._sha256 or _sha256(self._file)  # while the worker reads
            for frame in frames:
                self._take(frame)

    def _request(self) -> dict[str, Any]:
        path = os.path.realpath(self._file.path)
        if self._file.kind == "image":
            return {"do": "inspect", "path": path, "last": self._last}
        return {"do": "read", "path": path, "password": self._password, "first": self._next, "last": self._last}

    def _take(self, frame: Frame) -> None:
        header = frame.header
        if "pages" in header:
            self._pages = int(header["pages"])
            self._media_type = str(header.get("media_type", self._media_type))
            return
        self._next = int(header["page"]) + 1
        if "refused" in header:
            self.give_up(str(header["refused"]), self._shown_page(self._next - 1))
        else:
            self.so_far.documents.append(self._document(header))
        self._tell(self._next - 1, self._end)

    def _count_loss(self, lost: Lost) -> None:
        self._losses += 1
        if not self._pages:
            raise lost
        self.give_up(f"the page was left out: {lost}", self._next)
        self._next += 1
        if self._losses == MAX_LOSSES:
            self._last = self._next - 1

    def _report_rest(self) -> None:
        if self._end < self._pages:
            why = (
                "too many pages before could not be read"
                if self._losses == MAX_LOSSES
                else f"only {self._last} are read"
            )
            self.give_up(f"pages {self._end + 1} to {self._pages} were left out: {why}")

    def _document(self, header: dict[str, Any]) -> Document:
        page = self._shown_page(int(header["page"]))
        text = str(header.get("text", ""))
        if header.get("undrawable"):
            self.give_up(f"{header['undrawable']}; its text was read", page)
        return Document(
            id="",
            text=text,
            image=None if header.get("undrawable") else self._image(page),
            source=self._file.source,
            page=page,
            metadata=_metadata(header, text, self._pages),
        )

    def _image(self, page: int | None) -> Image:
        return Image(
            path=self._file.source,
            page=page,
            media_type=self._media_type,
            sha256=self._sha256,
            password=self._password,
        )

    def _shown_page(self, page: int) -> int | None:
        return page if self._file.kind == "pdf" or self._pages > 1 else None


def _metadata(header: dict[str, Any], text: str, pages: int) -> dict[str, Any]:
    metadata: dict[str, Any] = {"pages": pages}
    if hidden := header.get("hidden"):
        metadata["hidden_text"] = tuple((int(start), int(end)) for start, end in hidden)
    if header.get("blank"):
        metadata["blank"] = True
    elif not text.strip():
        metadata["no_text"] = True
    return metadata


def _check_size(file: File, limits: Limits) -> None:
    found = file.path.stat()
    if not stat.S_ISREG(found.st_mode):
        raise Refused("it is not a regular file")
    if not found.st_size:
        raise Refused("it is empty")
    largest = _largest(file.kind, limits)
    if found.st_size > largest:
        raise Refused(f"it has {found.st_size:,} bytes; such a file may have {largest:,}")


def _largest(kind: Kind, limits: Limits) -> int:
    return {"pdf": limits.file_bytes, "image": min(limits.file_bytes, MAX_IMAGE_BYTES), "text": limits.text_bytes}[kind]


def _sha256(file: File) -> str:
    with file.path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
