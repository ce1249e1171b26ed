"""Finding the image of a LlamaIndex node: where it is, or as bytes. Nothing is read, decoded or fetched here.

`get_content_blocks` would fetch: an `ImageNode` resolves its URL there, without asking anyone.
"""

import base64
import re
from collections.abc import Mapping
from pathlib import PurePath
from typing import Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

from llama_index.core.schema import BaseNode, ImageNode, Node

from rag_reasoner.pages.files import KINDS
from rag_reasoner.types import Image

_DATA_URL = re.compile(r"data:(?P<type>[\w.+-]+/[\w.+-]+)?(?:;[\w.+=-]+)*;base64,(?P<data>.*)", re.DOTALL)


def image_of(node: BaseNode) -> Image | None:
    """The node's image: its own, or the one that its metadata names."""
    return _own(node) or _from_metadata(node.metadata)


def _own(node: BaseNode) -> Image | None:
    if isinstance(node, Node) and node.image_resource:
        resource = node.image_resource
        return _image(resource.data, resource.path, resource.url, resource.mimetype)
    if isinstance(node, ImageNode):
        return _image(node.image, node.image_path, node.image_url, node.image_mimetype)
    return None


def _from_metadata(metadata: Mapping[str, Any]) -> Image | None:
    """`image_path` names an image. `file_path` is the file that the node is from: an image only if it is a picture."""
    if metadata.get("image_path"):
        return _from_text(str(metadata["image_path"]), None)
    path = str(metadata.get("file_path") or "")
    return Image(path=path) if KINDS.get(PurePath(path).suffix.lower()) == "image" else None


def _image(data: str | bytes | None, path: Any, url: Any, media_type: str | None) -> Image | None:
    if data:
        return _from_base64(data, media_type)
    if path:
        return Image(path=str(path), media_type=media_type)
    return _from_text(str(url), media_type) if url else None


def _from_text(text: str, media_type: str | None) -> Image:
    """An image from a URL, a data URL or a path."""
    if text.startswith("data:"):
        return _from_base64(text, media_type)
    if text.startswith("file:"):
        return Image(path=url2pathname(urlsplit(text).path), media_type=media_type)
    if text.startswith(("http://", "https://")):
        return Image(url=text, media_type=media_type)
    return Image(path=text, media_type=media_type)


def _from_base64(data: str | bytes, media_type: str | None) -> Image:
    """Bytes as they are where they are not base64: the decoder will say what is wrong with them."""
    text = data if isinstance(data, str) else data.decode("latin-1")
    if match := _DATA_URL.fullmatch(text):
        text, media_type = match["data"], match["type"] or media_type
    try:
        return Image(data=base64.b64decode("".join(text.split()), validate=True), media_type=media_type)
    except ValueError:  # binascii.Error, or characters beyond ASCII
        return Image(data=text.encode("utf-8", "replace"), media_type=media_type)
