"""How caller and worker talk: a frame is a JSON object and some raw bytes, each with its length in front.

Nothing that arrives can run: the worker has read hostile files, so that no pickle may come from it.
"""

import json
import struct
from typing import Any, BinaryIO, NamedTuple

LENGTHS = struct.Struct(">II")
MAX_LENGTH = 1 << 28


class Frame(NamedTuple):
    """A JSON object, and the bytes that go with it."""

    header: dict[str, Any]
    blob: bytes = b""


def send(stream: BinaryIO, frame: Frame) -> None:
    """Write a frame. `stream` may write less than it is given, as a pipe without a buffer does."""
    header = json.dumps(frame.header).encode("ascii")
    _write(stream, LENGTHS.pack(len(header), len(frame.blob)) + header)
    _write(stream, frame.blob)


def receive(stream: BinaryIO) -> Frame | None:
    """The next frame, None where the stream has ended. A frame that makes no sense is a ValueError."""
    lengths = stream.read(LENGTHS.size)
    if not lengths:
        return None
    if len(lengths) < LENGTHS.size:
        raise ValueError("a frame was cut off")
    header_length, blob_length = LENGTHS.unpack(lengths)
    if max(header_length, blob_length) > MAX_LENGTH:
        raise ValueError("a frame is too long")
    return Frame(_object(_exactly(stream, header_length)), _exactly(stream, blob_length))


def _object(data: bytes) -> dict[str, Any]:
    try:
        value = json.loads(data)
    except RecursionError as error:
        raise ValueError("a frame is nested too deeply") from error
    if not isinstance(value, dict):
        raise ValueError("a frame holds no object")
    return value


def _exactly(stream: BinaryIO, length: int) -> bytes:
    data = stream.read(length) if length else b""
    if len(data) < length:
        raise ValueError("a frame was cut off")
    return data


def _write(stream: BinaryIO, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[stream.write(view) :]
