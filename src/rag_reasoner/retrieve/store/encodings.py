"""How a token's vector is kept in bytes, and how a query is compared with the bytes without inflating a whole store.

Every encoding has rows of one fixed length, so that token n of a file is at n times that length.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rag_reasoner.retrieve.maxsim import Similarities
from rag_reasoner.retrieve.store.base import Floats, Storage

Rows = NDArray[np.uint8]
"""Encoded tokens, (tokens, bytes of a row)."""

Compare = Callable[[Rows], Similarities]
"""From rows to their similarities, (query tokens, rows). It owns buffers: one thread at a time."""


@dataclass(frozen=True, slots=True)
class Encoding:
    """One way of keeping vectors of a given dimension."""

    row_bytes: Callable[[int], int]
    encode: Callable[[NDArray[np.float32]], Rows]
    decode: Callable[[Rows, int], Floats]
    compare: Callable[[NDArray[np.float32]], Compare]


def _as_rows(numbers: NDArray[Any]) -> Rows:
    return np.ascontiguousarray(numbers).view(np.uint8)


# float32


def _compare_float32(query: NDArray[np.float32]) -> Compare:
    return lambda rows: np.matmul(query, rows.view(np.float32).T, dtype=np.float32)


# float16. NumPy widens halves one by one; the shift below does the same many at a time. A half's bits, moved to where a
# single has its sign, exponent and mantissa, are that half times 2**-112 (the exponents' biases are 15 and 127), and
# this also holds for the subnormal ones. The query takes the 2**112 back: a power of two, nothing is rounded.
_MOVED, _BIAS = np.int32(-0x70002000), np.float32(2.0**112)


def _widened(rows: Rows, buffer: NDArray[np.int32]) -> NDArray[np.float32]:
    """The halves in `rows`, times 2**-112, as singles in `buffer`."""
    np.copyto(buffer, rows.view(np.int16))
    np.left_shift(buffer, 13, out=buffer)
    np.bitwise_and(buffer, _MOVED, out=buffer)
    return buffer.view(np.float32)


def _compare_float16(query: NDArray[np.float32]) -> Compare:
    raised = np.multiply(query, _BIAS, dtype=np.float32)
    buffer = _Buffer(query.shape[1], np.int32)
    return lambda rows: np.matmul(raised, _widened(rows, buffer(len(rows))).T, dtype=np.float32)


# int8: the codes, then their scale as a float32.


def _encode_int8(vectors: NDArray[np.float32]) -> Rows:
    scales = np.abs(vectors).max(axis=1, initial=0.0, keepdims=True).astype(np.float32) / np.float32(127)
    codes = np.rint(vectors / np.where(scales > 0, scales, 1)).clip(-127, 127).astype(np.int8)
    return np.hstack([_as_rows(codes), _as_rows(scales)])


def _scales(rows: Rows) -> NDArray[np.float32]:
    return np.ascontiguousarray(rows[:, -4:]).view(np.float32)[:, 0]


def _decode_int8(rows: Rows, dim: int) -> Floats:
    return rows[:, :dim].view(np.int8).astype(np.float32) * _scales(rows)[:, None]


def _compare_int8(query: NDArray[np.float32]) -> Compare:
    dim = query.shape[1]
    buffer = _Buffer(dim, np.float32)

    def compare(rows: Rows) -> Similarities:
        codes = buffer(len(rows))
        np.copyto(codes, rows[:, :dim].view(np.int8))
        similarities: Similarities = np.multiply(query @ codes.T, _scales(rows), dtype=np.float32)
        return similarities

    return compare


# binary: the sign of each number, compared with the query's real numbers. A vector of signs has the length sqrt(dim).


def _encode_binary(vectors: NDArray[np.float32]) -> Rows:
    return np.packbits(vectors > 0, axis=1)


def _decode_binary(rows: Rows, dim: int) -> Floats:
    signs = np.unpackbits(rows, axis=1, count=dim).astype(np.float32) * 2 - 1
    return signs / np.float32(np.sqrt(dim))


def _compare_binary(query: NDArray[np.float32]) -> Compare:
    dim = query.shape[1]
    doubled = query * np.float32(2 / np.sqrt(dim))
    less = (doubled.sum(axis=1, keepdims=True) / 2).astype(np.float32)
    buffer = _Buffer(dim, np.float32)

    def compare(rows: Rows) -> Similarities:
        bits = buffer(len(rows))
        np.copyto(bits, np.unpackbits(rows, axis=1, count=dim))
        similarities: Similarities = np.subtract(doubled @ bits.T, less, dtype=np.float32)
        return similarities

    return compare


class _Buffer:
    """Room for rows of `dim` numbers that is asked for once and used for chunk after chunk."""

    def __init__(self, dim: int, kind: type[np.generic]) -> None:
        self._room: NDArray[Any] = np.empty((0, dim), kind)

    def __call__(self, rows: int) -> NDArray[Any]:
        if rows > len(self._room):
            self._room = np.empty((rows, self._room.shape[1]), self._room.dtype)
        return self._room[:rows]


ENCODINGS: dict[Storage, Encoding] = {
    "float32": Encoding(lambda dim: 4 * dim, _as_rows, lambda rows, _: rows.view(np.float32), _compare_float32),
    "float16": Encoding(
        lambda dim: 2 * dim,
        lambda vectors: _as_rows(vectors.astype(np.float16)),
        lambda rows, _: rows.view(np.float16),
        _compare_float16,
    ),
    "int8": Encoding(lambda dim: dim + 4, _encode_int8, _decode_int8, _compare_int8),
    "binary": Encoding(lambda dim: -(-dim // 8), _encode_binary, _decode_binary, _compare_binary),
}
