"""The picture of a page, drawn in the worker process, as PNG."""

import io
from dataclasses import replace

from rag_reasoner.errors import Unreadable
from rag_reasoner.pages import load
from rag_reasoner.pages.pool import Pool
from rag_reasoner.server.problems import Problem
from rag_reasoner.server.web.held import Held
from rag_reasoner.server.web.shelf import GONE

LARGEST = (1600, 4000)
"""Width and height that a page is drawn at, at most."""


def drawn(held: Held, number: int, pool: Pool) -> bytes:
    """Page `number` of a file as PNG. Raises Problem where there is none, or it cannot be drawn. Blocks."""
    document = held.page(number)
    if document is None or document.image is None:
        raise Problem(404, "no_picture", f"{held.name} has no picture of page {number}")
    picture = replace(document.image, path=str(held.path))
    try:
        pixels = load(picture, size=LARGEST, image_roots=(held.path.parent,), pool=pool)
    except Unreadable as error:
        if not held.path.exists():
            raise Problem(404, "gone", GONE) from None
        raise Problem(422, "no_picture", f"page {number} cannot be drawn: {error.reason}") from None
    out = io.BytesIO()
    pixels.save(out, "PNG", compress_level=1)
    return out.getvalue()
