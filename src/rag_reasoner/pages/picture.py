"""Image files, checked and decoded by Pillow. Runs in the worker process only."""

import io
import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image, ImageOps, UnidentifiedImageError

from rag_reasoner.pages.frames import Frame
from rag_reasoner.pages.limits import MAX_ASPECT, MAX_IMAGE_PIXELS
from rag_reasoner.pages.refused import Refused
from rag_reasoner.pages.scale import fitting

FORMATS = ("PNG", "JPEG", "WEBP", "TIFF")
"""Nothing else is even tried: Pillow would hand an EPS to Ghostscript."""

SIXTEEN_BITS = ("I", "I;16", "I;16B", "I;16L")

FOREIGN = (
    *(OSError, ValueError, TypeError, KeyError, IndexError, SyntaxError, EOFError, ArithmeticError),
    *(AttributeError, AssertionError, RuntimeError, struct.error, zlib.error, Image.DecompressionBombError),
)
"""What Pillow's decoders raise for a damaged file."""

warnings.simplefilter("ignore")
Image.MAX_IMAGE_PIXELS = None  # ours is checked, for every frame, and refuses instead of warning


def inspect(path: str | None, last: int, blob: bytes) -> Iterator[Frame]:
    """The number of images in the file; each is checked up to `last`, none decoded."""
    with _opened(blob if path is None else Path(path)) as image:
        count = _count(image)
        yield Frame({"pages": count, "media_type": Image.MIME[str(image.format)]})
        for number in range(1, min(count, last) + 1):
            yield Frame({"page": number, **_inspect_frame(image, number)})


def draw(
    source: Path | bytes, *, password: str | None, page: int | None, size: list[int] | None, max_pixels: int
) -> Iterator[Frame]:
    """The image as RGB bytes, upright, no larger than it is, than `size` and than `max_pixels`."""
    with _opened(source) as image:
        _seek(image, page or 1)
        _check(image)
        drawn = _fitted(_decoded(image, size, max_pixels), size, max_pixels)
        yield Frame({"width": drawn.width, "height": drawn.height}, drawn.tobytes())


def _inspect_frame(image: Image.Image, number: int) -> dict[str, object]:
    try:
        _seek(image, number)
        _check(image)
    except Refused as refused:
        return {"refused": str(refused)}
    return {}


@contextmanager
def _opened(source: Path | bytes) -> Iterator[Image.Image]:
    try:
        image = Image.open(io.BytesIO(source) if isinstance(source, bytes) else source, formats=FORMATS)
    except UnidentifiedImageError as error:
        raise Refused(f"it is none of {', '.join(FORMATS)}, or too damaged to open") from error
    except FOREIGN as error:
        raise Refused("the image is too damaged to open") from error
    with image:
        yield image


def _count(image: Image.Image) -> int:
    """Pages of a TIFF; of a moving picture only the first image is seen."""
    if image.format != "TIFF":
        return 1
    try:
        return int(getattr(image, "n_frames", 1))
    except FOREIGN as error:
        raise Refused("the image is too damaged to open") from error


def _seek(image: Image.Image, number: int) -> None:
    if number == 1:
        return
    try:
        image.seek(number - 1)
    except FOREIGN as error:
        raise Refused(f"it has no image {number} that can be read") from error


def _check(image: Image.Image) -> None:
    shorter, longer = sorted(image.size)
    if shorter < 1 or longer > shorter * MAX_ASPECT:
        raise Refused(f"an image of {image.width} x {image.height} pixels has no shape that can be read")
    if shorter * longer > MAX_IMAGE_PIXELS:
        raise Refused(
            f"an image of {image.width} x {image.height} pixels is too large: "
            f"up to {MAX_IMAGE_PIXELS // 1_000_000} megapixels are read"
        )


def _decoded(image: Image.Image, size: list[int] | None, max_pixels: int) -> Image.Image:
    """Decoded, upright and in RGB on white."""
    try:
        _draft(image, size, max_pixels)
        image.load()
        return _rgb(ImageOps.exif_transpose(image))
    except FOREIGN as error:
        raise Refused("the image is cut off or damaged") from error


def _draft(image: Image.Image, size: list[int] | None, max_pixels: int) -> None:
    """Let a JPEG be decoded smaller, as a camera's is far larger than needed. It may yet be turned on its side."""
    factor = max(fitting(*image.size, size, max_pixels), fitting(image.height, image.width, size, max_pixels))
    if factor < 1:
        image.draft("RGB", (int(image.width * factor), int(image.height * factor)))


def _rgb(image: Image.Image) -> Image.Image:
    if image.mode in SIXTEEN_BITS:
        return image.point(lambda value: value / 256).convert("L").convert("RGB")
    if not image.has_transparency_data:
        return image.convert("RGB")
    seen = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", seen.size, "white"), seen).convert("RGB")


def _fitted(image: Image.Image, size: list[int] | None, max_pixels: int) -> Image.Image:
    factor = fitting(*image.size, size, max_pixels)
    if factor >= 1:
        return image
    return image.resize((max(1, int(image.width * factor)), max(1, int(image.height * factor))))
