"""Images as data URLs."""

import base64
from collections.abc import Callable, Sequence
from functools import partial
from io import BytesIO
from os import PathLike
from typing import Any

from rag_reasoner.types import Image

_MOST_LOSSLESS = 512 * 1024

LoadImage = Callable[[Image], Any]
"""Decodes an image to a `PIL.Image.Image`; raises Unreadable."""


def reader(
    load_image: LoadImage | None, *, allow_urls: bool, image_roots: Sequence[str | PathLike[str]]
) -> Callable[[Image], str]:
    """What makes a data URL of an image; files are read under `image_roots`, URLs with `allow_urls`."""
    return partial(_read, load_image or partial(_load, allow_urls=allow_urls, image_roots=tuple(image_roots)))


def _read(load: LoadImage, image: Image) -> str:
    return data_url(load(image))


def _load(image: Image, *, allow_urls: bool, image_roots: Sequence[str | PathLike[str]]) -> Any:
    from rag_reasoner.pages.image import load

    return load(image, allow_urls=allow_urls, image_roots=image_roots)


def data_url(pixels: Any) -> str:
    """A decoded image as a data URL: without loss where that is small, else as a good JPEG."""
    png = _encoded(pixels, "PNG")
    kind, data = ("png", png) if len(png) <= _MOST_LOSSLESS else ("jpeg", _encoded(pixels, "JPEG", quality=92))
    return f"data:image/{kind};base64,{base64.b64encode(data).decode()}"


def _encoded(pixels: Any, kind: str, **options: Any) -> bytes:
    file = BytesIO()
    pixels.save(file, kind, **options)
    return file.getvalue()
