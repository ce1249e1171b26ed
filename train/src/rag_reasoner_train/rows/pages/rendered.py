"""Pages as pictures below the folder of the rows."""

import hashlib
import io
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

from rag_reasoner.pages import load
from rag_reasoner.types import Document, Image
from rag_reasoner_train.rows.pictures import FOLDER
from rag_reasoner_train.written import replacing

Render = Callable[[Document], Document]

PIXELS = 1_000_000
"""The most pixels of a picture: a page of letters can be read, and costs a VLM about 1,300 tokens."""


def renderer(folder: Path, pixels: int = PIXELS) -> Render:
    """What draws a page into `folder/images` and gives the document with that picture, each page once."""

    @cache
    def drawn(image: Image) -> Image:
        content = io.BytesIO()
        load(image, max_pixels=pixels).save(content, "PNG")
        target = folder / FOLDER / f"{hashlib.sha256(content.getvalue()).hexdigest()[:24]}.png"
        if not target.exists():
            with replacing(target) as write:
                write(content.getvalue())
        return Image(str(target))

    def render(document: Document) -> Document:
        return replace(document, image=drawn(document.image)) if document.image else document

    return render
