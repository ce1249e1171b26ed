"""A sample in which short and long rows, and small and large images, stand side by side."""

import math
from collections import defaultdict
from collections.abc import Callable, Iterable
from itertools import chain, zip_longest
from typing import Any

from PIL import Image as pillow

from rag_reasoner.evaluate.sample import rank_of
from rag_reasoner.types import Image
from rag_reasoner_train.rows.row import SET, Row

Bucket = tuple[str, int, int]


def balanced_ids(
    rows: Iterable[Row], number: int, seed: int = 0, *, by: Callable[[Row], Any] | None = None
) -> frozenset[str]:
    """The ids of `number` rows, as many as can be of each kind; all where there are fewer.

    Kinds are what `by` tells apart: set, length and resolution if nothing else is said. Which rows of a kind are taken
    depends on the hashes of their ids, not on the order of a file.
    """
    kinds: defaultdict[Any, list[str]] = defaultdict(list)
    for row in rows:
        kinds[(by or bucket)(row)].append(row.id)
    ranked = [sorted(ids, key=lambda one: (rank_of(one, seed), one)) for _, ids in sorted(kinds.items())]
    rounds = chain.from_iterable(zip_longest(*ranked))
    taken = [one for one in rounds if one is not None]
    return frozenset(taken[:number])


def set_of(row: Row) -> str:
    """The set that the row is of."""
    return str(row.extra.get(SET, ""))


def bucket(row: Row) -> Bucket:
    """The set, the length in doublings of words, and the resolution in doublings of megapixels (0: no image)."""
    words = sum(len(one.text.split()) for one in row.candidates)
    pixels = max((_pixels(one.image) for one in row.candidates if one.image), default=0)
    return set_of(row), words.bit_length(), _resolution(pixels)


def _resolution(pixels: int) -> int:
    """1 up to a quarter of a megapixel, 2 up to half, 3 up to one, and so on."""
    return max(1, math.ceil(math.log2(pixels / 2**18)) + 1) if pixels else 0


def _pixels(image: Image) -> int:
    """The size that the file's head tells; a page of a PDF has none of its own."""
    if image.path is None or image.page is not None:
        return 0
    with pillow.open(image.path) as head:
        return head.width * head.height
