"""How much a page or image is scaled to fit."""

import math

from rag_reasoner.pages.limits import MAX_ASPECT

MAX_SIDE_POINTS = 1_000_000


def fitting(width: float, height: float, size: list[int] | None, max_pixels: int) -> float:
    """The largest factor that keeps the shape within `size`, where one is given, and within `max_pixels`."""
    within_pixels = math.sqrt(max_pixels / (width * height))
    return min(within_pixels, size[0] / width, size[1] / height) if size else within_pixels


def to_whole_pixels(width: float, height: float, factor: float) -> float:
    """`factor`, made so much smaller that rounding up to whole pixels cannot exceed what it stands for."""
    whole = max(1, math.floor(width * factor)) / width, max(1, math.floor(height * factor)) / height
    return min(whole) * (1 - 1e-9)


def size_problem(width: float, height: float) -> str | None:
    """Why a page of this size, in points, cannot be drawn; None where it can."""
    shorter, longer = sorted((width, height))
    if math.isfinite(longer) and shorter >= 1 and longer <= min(MAX_SIDE_POINTS, shorter * MAX_ASPECT):
        return None
    return f"a page of {width:g} x {height:g} points cannot be drawn"
