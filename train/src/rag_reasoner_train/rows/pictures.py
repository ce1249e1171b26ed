"""The images of rows: tried before they are trained on, and copied to where the rows are written."""

from collections.abc import Iterable
from pathlib import Path

from rag_reasoner.errors import Unreadable
from rag_reasoner.pages import load
from rag_reasoner.types import Document

_TRIAL_PIXELS = 64 * 64


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
