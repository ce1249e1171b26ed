"""A name for base weights that is the same on every machine."""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rag_reasoner.errors import ModelError

ORIGIN = "origin.json"
"""Stands beside weights that were converted: the hash of what they were made from."""


def base_hash(folder: Path) -> str:
    """SHA-256 of the file that the weights in `folder` were converted from, else of the weights themselves.

    Names, types, shapes and bytes in the order of the names: how the weights are cut into files does not matter.
    """
    origin = folder / ORIGIN
    if origin.exists():
        return str(json.loads(origin.read_text(encoding="utf-8"))["sha256"])
    files = sorted(folder.glob("*.safetensors"))
    if not files:
        raise ModelError(f"no safetensors weights in {str(folder)!r}: only safetensors are loaded")
    return _of_tensors(files)


def _of_tensors(files: list[Path]) -> str:
    whole = hashlib.sha256()
    for _, tensor in sorted(found for file in files for found in _tensors(file)):
        whole.update(tensor)
    return whole.hexdigest()


def _tensors(file: Path) -> Iterator[tuple[str, bytes]]:
    """Each tensor's name and digest, read from the file's own table (its first eight bytes give the table's size)."""
    with file.open("rb") as stream:
        size = int.from_bytes(stream.read(8), "little")
        table = json.loads(stream.read(size))
        for name, entry in sorted(table.items()):
            if name != "__metadata__":
                yield name, _digest(stream, 8 + size, name, entry)


def _digest(stream: Any, start: int, name: str, entry: dict[str, Any]) -> bytes:
    begin, end = entry["data_offsets"]
    digest = hashlib.sha256(f"{name} {entry['dtype']} {entry['shape']}".encode())
    stream.seek(start + begin)
    for place in range(begin, end, 1 << 24):
        digest.update(stream.read(min(1 << 24, end - place)))
    return digest.digest()
