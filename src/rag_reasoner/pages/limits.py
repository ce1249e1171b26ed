"""What one file may cost."""

from typing import NamedTuple


class Limits(NamedTuple):
    """`seconds` that a file may stall in all, `memory` in bytes for the process that reads it, and sizes refused
    before anything is read.
    """

    seconds: float = 10.0
    memory: int = 1 << 30
    file_bytes: int = 1 << 30
    text_bytes: int = 16 << 20
    start_seconds: float = 60.0


MAX_PAGES = 2000
"""Pages read of one file, unless the caller says otherwise."""

MAX_CHARACTERS = 1_000_000
"""Characters of one page: more is no page that anybody reads."""

MAX_IMAGE_PIXELS = 40_000_000
"""Pixels of an image, checked before it is decoded."""

MAX_IMAGE_BYTES = 64 << 20
"""Bytes of an encoded image."""

DRAWN_PIXELS = 2_000_000
"""Pixels of an image as it is handed to a caller, unless the caller says otherwise."""

MAX_ASPECT = 200
"""How many times longer than wide a page or image may be."""

OUT_OF_MEMORY = 86
"""The exit status of a worker that ended itself because it needed too much memory."""
