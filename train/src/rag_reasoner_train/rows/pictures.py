"""The images of rows: tried before they are trained on, and copied to where the rows are written."""

import hashlib
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from rag_reasoner.errors import Unreadable
from rag_reasoner.pages import load
from rag_reasoner.types import Document
from rag_reasoner_train.rows.row import Row
from rag_reasoner_train.written import replacing

FOLDER = "images"

_TRIAL_PIXELS = 64 * 64
_BLOCK = 1 << 20


def check_images(documents: Iterable[Document], folder: Path) -> str | None:
    """What is wrong with the first image that cannot be read under `folder`; None where all can be."""
    for document in documents:
        if document.image is None:
            continue
        try:
            load(document.image, max_pixels=_TRIAL_PIXELS, image_roots=(folder,))
        except Unreadable as error:
            return f"the image of candidate {document.id!r} cannot be read: {error}"
    return None


def with_images_in(row: Row, folder: Path) -> Row:
    """The row with its images copied to below `folder`, under names that say what they hold."""
    return replace(row, candidates=tuple(_moved(one, folder) for one in row.candidates))


def _moved(document: Document, folder: Path) -> Document:
    if document.image is None or document.image.path is None:
        return document
    return replace(document, image=replace(document.image, path=str(_copied(Path(document.image.path), folder))))


def _copied(path: Path, folder: Path) -> Path:
    """Where the file's copy is; made where it is not there yet."""
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise Unreadable(str(path), f"the image cannot be read: {error.strerror}") from error
    target = folder / FOLDER / f"{digest[:24]}{path.suffix.lower()}"
    if not target.exists():
        _copy(path, target)
    return target


def _copy(path: Path, target: Path) -> None:
    with replacing(target) as write, path.open("rb") as file:
        while block := file.read(_BLOCK):
            write(block)
