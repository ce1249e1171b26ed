"""Images on demand: a page of a PDF, an image file, bytes or a URL becomes pixels, decoded in the worker process."""

from collections.abc import Sequence
from os import PathLike
from typing import TYPE_CHECKING, Any

from rag_reasoner.errors import Unreadable
from rag_reasoner.pages import roots
from rag_reasoner.pages.client import Lost
from rag_reasoner.pages.frames import Frame
from rag_reasoner.pages.limits import DRAWN_PIXELS, MAX_IMAGE_BYTES
from rag_reasoner.pages.pool import Pool, shared
from rag_reasoner.pages.refused import Refused
from rag_reasoner.types import Image

if TYPE_CHECKING:
    from PIL.Image import Image as Pixels


def load(
    image: Image,
    *,
    max_pixels: int = DRAWN_PIXELS,
    size: tuple[int, int] | None = None,
    allow_urls: bool = False,
    image_roots: Sequence[str | PathLike[str]] = (".",),
    pool: Pool | None = None,
) -> "Pixels":
    """The image in RGB, upright, as large as `size` (width, height) and `max_pixels` allow; else `Unreadable`.

    Files are read under `image_roots` only, URLs with `allow_urls` only.
    """
    from PIL import Image as pillow

    workers = pool or shared()
    request, blob = _request(image, allow_urls, image_roots)
    options = {"size": size and list(size), "max_pixels": max_pixels}
    drawn = _drawn(name_of(image), {**request, **options}, blob, workers)
    shape = (int(drawn.header["width"]), int(drawn.header["height"]))
    try:
        return pillow.frombytes("RGB", shape, drawn.blob)
    except ValueError as error:
        raise Unreadable(name_of(image), "the image is damaged") from error


def check(data: bytes, *, pool: Pool | None = None) -> str:
    """The media type of an encoded image, of which only the size has been read; else `Unreadable`."""
    workers, unnamed = pool or shared(), Image(data=data)
    try:
        with workers.borrow() as worker:
            about, first, *_ = worker.request(
                {"do": "inspect", "path": None, "last": 1}, _small_enough(data, unnamed), seconds=workers.limits.seconds
            )
    except (Refused, Lost) as error:
        raise Unreadable(name_of(unnamed), str(error)) from error
    if refused := first.header.get("refused"):
        raise Unreadable(name_of(unnamed), str(refused))
    return str(about.header["media_type"])


def name_of(image: Image) -> str:
    """What an image is called in a message."""
    if image.path is not None:
        return image.path if image.page is None else f"{image.path} p. {image.page}"
    return image.url or "an image"


def _request(
    image: Image, allow_urls: bool, image_roots: Sequence[str | PathLike[str]]
) -> tuple[dict[str, Any], bytes]:
    request = {"do": "draw", "path": None, "password": image.password, "page": image.page}
    if image.data is not None:
        return request, _small_enough(image.data, image)
    if image.path is not None:
        return {**request, "path": roots.allowed(image.path, image_roots)}, b""
    if image.url is not None:
        return request, _fetched(image.url, allow_urls)
    raise Unreadable("an image", "it has no bytes, no path and no URL: it was read back from JSON without them")


def _small_enough(data: bytes, image: Image) -> bytes:
    if len(data) > MAX_IMAGE_BYTES:
        raise Unreadable(name_of(image), f"it has {len(data):,} bytes; an image may have {MAX_IMAGE_BYTES:,}")
    return data


def _fetched(url: str, allow_urls: bool) -> bytes:
    if not allow_urls:
        raise Unreadable(url, "images are not fetched from the network unless allow_urls is set")
    from rag_reasoner.pages.fetch import fetch

    return fetch(url)


def _drawn(name: str, request: dict[str, Any], blob: bytes, pool: Pool) -> Frame:
    try:
        with pool.borrow() as worker:
            (frame,) = worker.request(request, blob, seconds=pool.limits.seconds)
    except (Refused, Lost) as error:
        raise Unreadable(name, str(error)) from error
    return frame
