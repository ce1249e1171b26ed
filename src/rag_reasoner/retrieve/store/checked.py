"""What goes into a store is looked at first: shapes, numbers, names, sizes."""

import json
from collections.abc import Collection
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from rag_reasoner.errors import InvalidInput, StoreRefused
from rag_reasoner.retrieve.store.base import DOCUMENT, Floats, Identity, PageVectors, Scalar, Where

LARGEST = 65504.0
"""The largest number that every way of storing can hold (float16's)."""

MOST_TOKENS = 65536
"""More tokens than any page has: a 4,096 x 4,096 image in patches of 16."""

MOST_DIMENSIONS = 65536

STORAGES = ("float32", "float16", "int8", "binary")


def checked_identity(identity: Identity) -> Identity:
    """`identity`; InvalidInput where it cannot be one."""
    if not identity.model:
        raise InvalidInput("model='' names no model: give the name of the model that makes the vectors")
    if not 1 <= identity.dim <= MOST_DIMENSIONS:
        raise InvalidInput(f"dim={identity.dim!r} is not the length of a vector: it must be 1 to {MOST_DIMENSIONS:,}")
    if identity.storage not in STORAGES:
        raise InvalidInput(f"unknown storage {identity.storage!r}; choose one of {', '.join(STORAGES)}")
    if identity.pool < 1:
        raise InvalidInput(f"pool={identity.pool!r} is not a number of tokens: 1 keeps all, 3 keeps a third")
    return identity


def same_identity(place: str, held: Identity, wanted: Identity) -> None:
    """StoreRefused where the store at `place` holds vectors that cannot be compared with those of `wanted`."""
    for name in ("model", "dim", "storage", "pool", "settings"):
        has, asked = getattr(held, name), getattr(wanted, name)
        if has != asked:
            raise StoreRefused(
                f"{place}: was made with {name}={has!r}, not {asked!r}; "
                "open it with the model and settings that made it, or index anew into another place"
            )


def checked_page(page: PageVectors, dim: int) -> NDArray[np.float32]:
    """The vectors of `page` as float32; InvalidInput where the page cannot be stored."""
    if not page.id or not isinstance(page.id, str):
        raise InvalidInput(f"page id {page.id!r} is not a name: it must be a text of at least one letter")
    if not isinstance(page.payload.get(DOCUMENT), str):
        raise InvalidInput(f"page {page.id!r}: its payload must name its {DOCUMENT!r}")
    return checked_vectors(page.vectors, dim, f"page {page.id!r}")


def checked_query(query: Floats, dim: int) -> NDArray[np.float32]:
    """`query` as float32; InvalidInput where nothing can be searched with it."""
    vectors = checked_vectors(query, dim, "the query")
    if not len(vectors):
        raise InvalidInput("the query has no vectors: encode at least one token")
    return vectors


def checked_k(k: int) -> int:
    """`k`; InvalidInput where it asks for nothing."""
    if k < 1:
        raise InvalidInput(f"k={k!r} asks for no page: it must be at least 1")
    return k


def all_of(document: str | Collection[str]) -> frozenset[str]:
    """One document as a set, or several."""
    return frozenset([document] if isinstance(document, str) else document)


def checked_where(where: Where) -> dict[str, tuple[Scalar, ...]]:
    """The values allowed under each key; InvalidInput where none is, or where one is no plain value."""
    wanted = {key: tuple(value) if isinstance(value, list | tuple) else (value,) for key, value in where.items()}
    for key, values in wanted.items():
        if not values or not all(isinstance(value, Scalar) for value in values):
            raise InvalidInput(f"where={{{key!r}: {where[key]!r}}}: give a text, a number, or a list of at least one")
    return cast(dict[str, tuple[Scalar, ...]], wanted)


def checked_vectors(vectors: Floats, dim: int, owner: str) -> NDArray[np.float32]:
    """`vectors` (tokens, dim) as float32: finite, and not so large that they could not be stored."""
    given = np.asarray(vectors)
    if given.ndim != 2 or given.shape[1] != dim:
        raise InvalidInput(f"{owner}: vectors have the shape {given.shape}, this store holds (tokens, {dim})")
    if len(given) > MOST_TOKENS:
        raise InvalidInput(f"{owner}: {len(given):,} tokens are more than the {MOST_TOKENS:,} that a page may have")
    if given.dtype.kind not in "fiu":
        raise InvalidInput(f"{owner}: vectors are of type {given.dtype}, not numbers; give float32 or float16")
    whole = np.ascontiguousarray(given, dtype=np.float32)
    if whole.size and not np.abs(whole).max() <= LARGEST:
        raise InvalidInput(f"{owner}: vectors hold a number that is not finite or above {LARGEST:,.0f}")
    return whole


def checked_payload(page: PageVectors) -> dict[str, Any]:
    """The payload as it comes back from JSON; InvalidInput where it cannot be written so."""
    try:
        text = json.dumps(dict(page.payload), ensure_ascii=False, allow_nan=False)
        text.encode()
    except (TypeError, ValueError) as error:
        raise InvalidInput(f"page {page.id!r}: its payload cannot be written as JSON: {error}") from error
    read: dict[str, Any] = json.loads(text)
    return read
