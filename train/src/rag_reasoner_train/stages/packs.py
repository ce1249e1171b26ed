"""What is computed at once: examples gathered up to a number of tokens, so that batches cost alike. Pure."""

from collections.abc import Callable, Sequence
from random import Random
from typing import TypeVar

T = TypeVar("T")


def packs(items: Sequence[T], tokens: Callable[[T], int], most: int, seed: int) -> list[tuple[T, ...]]:
    """The items in seeded order, gathered into packs of at most `most` tokens; a longer item is a pack of its own."""
    made: list[tuple[T, ...]] = []
    pack: list[T] = []
    filled = 0
    for item in Random(f"packs/{seed}").sample(items, len(items)):
        size = tokens(item)
        if pack and filled + size > most:
            made.append(tuple(pack))
            pack, filled = [], 0
        pack.append(item)
        filled += size
    return [*made, tuple(pack)] if pack else made


def padded_packs(items: Sequence[T], tokens: Callable[[T], int], most: int, seed: int) -> list[tuple[T, ...]]:
    """Packs for models that read side by side: of like length, counted with their padding; in seeded order."""
    made: list[tuple[T, ...]] = []
    pack: list[T] = []
    for item in sorted(items, key=tokens, reverse=True):
        if pack and tokens(pack[0]) * (len(pack) + 1) > most:
            made.append(tuple(pack))
            pack = []
        pack.append(item)
    made += [tuple(pack)] if pack else []
    return Random(f"packs/{seed}").sample(made, len(made))
