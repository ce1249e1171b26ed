"""An uploaded file that was read."""

from dataclasses import dataclass
from pathlib import Path

from rag_reasoner.types import Document


@dataclass(frozen=True, slots=True)
class Held:
    """A file that is held. `name` is for people, one of a kind in its workspace; `path` is ours, and told to nobody.

    `unread` says in sentences what of the file could not be read.
    """

    id: str
    name: str
    path: Path
    size: int
    documents: tuple[Document, ...]
    unread: tuple[str, ...] = ()

    @property
    def characters(self) -> int:
        """Of text, on all pages."""
        return sum(len(document.text) for document in self.documents)

    @property
    def weight(self) -> int:
        """About what it takes: its bytes on the disk and its text in memory."""
        return self.size + self.characters

    def page(self, number: int) -> Document | None:
        """The document that is page `number`; a file without pages is its own first."""
        return next((one for one in self.documents if (one.page or 1) == number), None)
