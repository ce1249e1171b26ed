"""What tells models apart whose vectors must not be mixed."""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

from rag_reasoner.errors import ModelError

_SETTINGS = ("config.json", "adapter_config.json", "preprocessor_config.json", "processor_config.json")
_SAMPLE = 1 << 14


def fingerprint(folders: list[Path]) -> str:
    """Twelve hexadecimal digits from the settings and from the beginning of every tensor in `folders`.

    Samples, because the weights of the larger models take longer to read than a page takes to encode; training changes
    the beginning of every tensor that it changes at all.
    """
    whole = hashlib.sha256()
    for folder in folders:
        for name in _SETTINGS:
            if (folder / name).is_file():
                whole.update((folder / name).read_bytes())
        for file in _weights(folder):
            for sample in _samples(file):
                whole.update(sample)
    return whole.hexdigest()[:12]


def _weights(folder: Path) -> list[Path]:
    files = sorted(folder.glob("*.safetensors"))
    if not files:
        raise ModelError(f"no safetensors weights in {str(folder)!r}: only safetensors are loaded")
    return files


def _samples(file: Path) -> Iterator[bytes]:
    """Each tensor's name, type and shape with its first bytes: a safetensors file begins with the size of its table."""
    with file.open("rb") as stream:
        size = int.from_bytes(stream.read(8), "little")
        try:
            table = json.loads(stream.read(size))
        except ValueError as error:
            raise ModelError(f"{str(file)!r} is damaged: it has no table of tensors") from error
        for name, entry in sorted(table.items()):
            if name != "__metadata__":
                begin, end = entry["data_offsets"]
                stream.seek(8 + size + begin)
                yield f"{name} {entry['dtype']} {entry['shape']}".encode() + stream.read(min(_SAMPLE, end - begin))
