"""Finding the image of a LangChain document: there is no convention, so every form seen in the wild is understood."""

import base64
import binascii
import io
import re
from collections.abc import Mapping
from typing import Any

from langchain_core.documents import Document
from langchain_core.documents.base import Blob

from rag_reasoner.types import Image

KEYS = ("image", "image_path", "image_url", "image_base64", "image_data")
"""Where metadata may hold an image."""

_DATA_URL = re.compile(r"data:(image/[\w.+-]+);base64,(.*)", re.DOTALL)
_BEGINNINGS = ("iVBORw0KGgo", "/9j/", "UklGR", "SUkqA", "TU0AK", "R0lGOD")
"""How base64 of a PNG, JPEG, WEBP, TIFF or GIF begins."""


def image_of(document: Document) -> Image | None:
    """The image of `document`; None where it has none. Nothing is read or decoded here."""
    for key in KEYS:
        if found := read_image(document.metadata.get(key)):
            return found
    return _from_base64(document.page_content) if looks_like_image(document.page_content) else None


def looks_like_image(text: str) -> bool:
    """Whether a text is a picture in base64, as some loaders put it into `page_content`."""
    return bool(_DATA_URL.fullmatch(text)) or (text.startswith(_BEGINNINGS) and " " not in text[:200])


def read_image(value: Any) -> Image | None:
    """An image from a path, a URL, base64, bytes, a content block, a `Blob` or a picture of Pillow's."""
    if isinstance(value, str) and value:
        return _from_text(value)
    if isinstance(value, bytes):
        return Image(data=value)
    if isinstance(value, Blob):
        return Image(data=value.as_bytes(), media_type=value.mimetype) if value.data else Image(path=str(value.path))
    if isinstance(value, Mapping):
        return _from_block(value)
    return _from_pillow(value) if hasattr(value, "save") and hasattr(value, "size") else None


def _from_text(value: str) -> Image | None:
    if value.startswith(("http://", "https://")):
        return Image(url=value)
    return _from_base64(value) if looks_like_image(value) else Image(path=value.removeprefix("file://"))


def _from_base64(value: str) -> Image | None:
    match = _DATA_URL.fullmatch(value)
    media_type, data = (match[1], match[2]) if match else (None, value)
    try:
        return Image(data=base64.b64decode(data, validate=False), media_type=media_type)
    except (binascii.Error, ValueError):
        return Image(data=b"", media_type=media_type)


def _from_block(block: Mapping[str, Any]) -> Image | None:
    """A content block: v1's own, and those of OpenAI's shape."""
    inner = block.get("image_url")
    url = block.get("url") or (inner.get("url") if isinstance(inner, Mapping) else inner)
    data = block.get("base64") or block.get("data")
    if data:
        return _from_base64(str(data))
    return _from_text(str(url)) if url else None


def _from_pillow(picture: Any) -> Image:
    buffer = io.BytesIO()
    picture.save(buffer, format="PNG")
    return Image(data=buffer.getvalue(), media_type="image/png")
