"""What an index says of itself: which first stages it has, of which model, and which files it holds."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from pydantic import TypeAdapter, ValidationError

from rag_reasoner.errors import StoreError, Unreadable
from rag_reasoner.retrieve.sealed import read_sealed, write_sealed

Stages = Literal["lexical", "colpali", "hybrid"]
"""By words, by sight, or by both."""

FILE, KIND, VERSION = "index.json", "rag-reasoner-index", 1


@dataclass(frozen=True, slots=True)
class Manifest:
    """`model` is the page retriever's, None where pages are found by words alone; `files` are SHA-256s by source."""

    retriever: Stages
    model: str | None = None
    files: Mapping[str, str] = field(default_factory=dict, hash=False)


_MANIFEST = TypeAdapter(Manifest)


def read_manifest(folder: Path) -> Manifest | None:
    """What the index in `folder` says of itself; None where there is no index. Raises Unreadable for a damaged one."""
    path = folder / FILE
    if not path.exists():
        return None
    content = read_sealed(path, KIND, VERSION)
    try:
        return _MANIFEST.validate_json(content)
    except ValidationError as error:
        raise Unreadable(str(path), "holds something that is not an index of ours; index anew") from error


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Put it in place of the older one, as a whole or not at all. Raises StoreError where it cannot be written."""
    try:
        write_sealed(folder / FILE, KIND, VERSION, _MANIFEST.dump_json(manifest))
    except OSError as error:
        raise StoreError(f"{folder}: cannot be written ({error.strerror or error})") from error
