"""Images in requests: bytes only, checked in the worker process before anything decodes them."""

import base64
import binascii
import re

from rag_reasoner.errors import Unreadable
from rag_reasoner.pages.image import check
from rag_reasoner.server.problems import Problem
from rag_reasoner.types import Image

_ADDRESS = re.compile(r"\s*[a-z][\w+.-]*://", re.ASCII | re.IGNORECASE)
_DATA_URL = re.compile(r"data:image/[\w.+-]+;base64,", re.ASCII | re.IGNORECASE)


def decoded(given: str, where: str) -> Image:
    """The image of a data URL, or of plain base64. Raises Problem, naming `where`, for anything else."""
    if _ADDRESS.match(given[:64]):
        raise _refused(where, "this server fetches nothing: send the bytes as data:image/png;base64,…")
    found = _DATA_URL.match(given)
    try:
        data = base64.b64decode(given[found.end() if found else 0 :], validate=True)
    except (binascii.Error, ValueError):
        raise _refused(where, "this is no base64: send the bytes as data:image/png;base64,…") from None
    try:
        return Image(data=data, media_type=check(data))
    except Unreadable as error:
        raise _refused(where, error.reason) from None


def _refused(where: str, reason: str) -> Problem:
    return Problem(422, "bad_image", f"{where}: {reason}")
