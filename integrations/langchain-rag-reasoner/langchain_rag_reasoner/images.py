"""Finding the image of a LangChain document: there is no convention, so every form seen in the wild is understood."""

import base64
import binascii
import io
import os
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

from langchain_core.documents import Document
from langchain_core.documents.base import Blob

from rag_reasoner.types import Image

if TYPE_CHECKING:
    from PIL.Image import Image as Pixels

KEYS = ("image", "image_path", "image_url", "image_base64", "image_data")
"""Where metadata may hold an image."""

UNREADABLE = Image(data=b"")
"""What is there but cannot be read: the document stays in the list, and says so."""

_ENCODED = ("image_base64", "image_data", "base64", "data")
"""Where a text is base64 and never the name of a file."""

_DATA_URL = re.compile(r"data:([\w.+-]+/[\w.+-]+)?[^,]*;base64,", re.IGNORECASE)
_BEGINNINGS = ("iVBORw0KGgo", "/9j/", "UklGR", "SUkqA", "TU0AK", "R0lGOD")
"""How base64 of a PNG, JPEG, WEBP, TIFF or GIF begins."""
_BASE64 = re.compile(r"[A-Za-z0-9+/\s]{64,}={0,2}\s*")
_MODES = ("1", "L", "LA", "P", "RGB", "RGBA", "I;16")
"""The modes of Pillow's that a PNG has."""


def image_of(document: Document) -> Image | None:
    """The image of `document`; None where it has none. No file is read here."""
    for key in KEYS:
        if found := read_image(document.metadata.get(key), encoded=key in _ENCODED):
            return found
    return _from_base64(document.page_content) if looks_like_image(document.page_content) else None


def looks_like_image(text: str) -> bool:
    """Whether a text is a picture in base64, as some loaders put it into `page_content`."""
    if text.startswith(_BEGINNINGS):
        return bool(_BASE64.fullmatch(text))
    return text[:11].lower() == "data:image/" and bool(_DATA_URL.match(text))


def is_reference(value: Any, key: str = "") -> bool:
    """Whether a value of metadata names an image rather than holding it."""
    if isinstance(value, str):
        return key not in _ENCODED and not looks_like_image(value) and not _DATA_URL.match(value)
    if isinstance(value, Mapping):
        return all(is_reference(inner, str(name)) for name, inner in value.items())
    if isinstance(value, Blob):
        return value.data is None
    return value is None or isinstance(value, os.PathLike | int | float)


def read_image(value: Any, media_type: str | None = None, *, encoded: bool = False) -> Image | None:
    """An image from a path, a URL, base64, bytes, a content block, a `Blob` or a picture of Pillow's.

    With `encoded`, a text is base64. None where the value is no image at all.
    """
    if isinstance(value, str):
        return _from_text(value, media_type, encoded=encoded) if value.strip() else None
    if isinstance(value, bytes | bytearray | memoryview):
        return Image(data=bytes(value), media_type=media_type)
    if isinstance(value, os.PathLike):
        return Image(path=os.fspath(value))
    if isinstance(value, Blob):
        return _from_blob(value)
    return _from_block(value) if isinstance(value, Mapping) else _from_pillow(value)


def _from_text(value: str, media_type: str | None, *, encoded: bool) -> Image:
    if encoded or value[:5].lower() == "data:" or looks_like_image(value):
        return _from_base64(value, media_type)
    scheme = value[:8].lower()
    if scheme.startswith(("http://", "https://")):
        return Image(url=value)
    return Image(path=url2pathname(urlsplit(value).path) if scheme.startswith("file://") else value)


def _from_base64(value: str, media_type: str | None = None) -> Image:
    """The bytes of base64 or of a data URL, blanks and line ends aside."""
    if match := _DATA_URL.match(value):
        value, media_type = value[match.end() :], match[1] or media_type
    try:
        return Image(data=base64.b64decode("".join(value.split()), validate=True), media_type=media_type)
    except (binascii.Error, ValueError):
        return UNREADABLE


def _from_blob(blob: Blob) -> Image:
    if blob.data is not None:
        return Image(data=blob.as_bytes(), media_type=blob.mimetype)
    return Image(path=str(blob.path), media_type=blob.mimetype) if blob.path else UNREADABLE


def _from_block(block: Mapping[str, Any]) -> Image:
    """The image of a content block: LangChain's own, or of OpenAI's or Anthropic's shape."""
    for wrapper in ("image_url", "source"):
        if isinstance(inner := block.get(wrapper), Mapping):
            return _from_block(inner)
    media_type = block.get("mime_type") or block.get("media_type")
    for key in ("base64", "data", "url", "image_url", "path"):
        if found := read_image(block.get(key), media_type, encoded=key in _ENCODED):
            return found
    return UNREADABLE


def _from_pillow(value: Any) -> Image | None:
    from PIL.Image import Image as Picture

    if not isinstance(value, Picture):
        return None
    try:
        return Image(data=_png(value), media_type="image/png")
    except (OSError, ValueError):  # a picture that Pillow opened but finds damaged when it decodes it
        return UNREADABLE


def _png(picture: "Pixels") -> bytes:
    buffer = io.BytesIO()
    (picture if picture.mode in _MODES else picture.convert("RGB")).save(buffer, format="PNG")
    return buffer.getvalue()
