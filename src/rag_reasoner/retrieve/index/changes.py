"""Which files an index does not know yet, or knows otherwise."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from rag_reasoner.pages.files import File
from rag_reasoner.pages.roots import grant
from rag_reasoner.types import Fault


@dataclass(frozen=True, slots=True)
class Changes:
    """`changed` are sources to read, new ones among them, with the SHA-256 of their files; `gone` were deleted."""

    changed: Mapping[str, str] = field(hash=False)
    unchanged: int
    gone: tuple[str, ...]


def changes(files: Iterable[File], known: Mapping[str, str]) -> Changes:
    """What has become of the files since `known` (SHA-256 by source) was written. A file that cannot be read is
    changed: reading it says why.
    """
    found = {file.source: sha256(file.path) or "" for file in files}
    changed = {source: now for source, now in found.items() if not now or known.get(source) != now}
    gone = tuple(source for source in known if _is_gone(source))
    return Changes(changed, len(found) - len(changed), gone)


def _is_gone(source: str) -> bool:
    """Whether there is no such file. One that cannot be reached is not gone."""
    try:
        Path(source).stat()
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        return False
    return False


def vouched(sources: Iterable[str], known: Mapping[str, str]) -> tuple[Fault, ...]:
    """Lets the files of `sources` be read that are still what was indexed; the others are faults.

    That an index names a file is not enough to open it: it could come from anywhere.
    """
    return tuple(_outdated(source) for source in dict.fromkeys(sources) if not _is_vouched(source, known.get(source)))


def _is_vouched(source: str, expected: str | None) -> bool:
    if expected is None or sha256(Path(source)) != expected:
        return False
    grant(source)
    return True


def _outdated(source: str) -> Fault:
    return Fault("outdated", "index it again", source=source)


def sha256(path: Path) -> str | None:
    """None where the file cannot be read, or is no file."""
    try:
        if not path.is_file():
            return None
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError:
        return None
