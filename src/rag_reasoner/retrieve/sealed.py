"""A file whose content is checked before it is believed, and which is replaced as a whole or not at all.

The first line says what it is, in which version, and the SHA-256 of all that follows.
"""

import hashlib
import os
import secrets
from pathlib import Path

from rag_reasoner.errors import Unreadable

_LONGEST_HEADER = 256


def write_sealed(path: Path, kind: str, version: int, content: bytes) -> None:
    """Put `content` at `path`: a crash at any moment leaves the old file or the new one. umask says who may read."""
    header = f"{kind} {version} {_digest(content)}\n".encode()
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}-{secrets.token_hex(8)}")
    try:
        with temporary.open("xb") as file:
            file.write(header + content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def read_sealed(path: Path, kind: str, version: int) -> bytes:
    """The content of the file at `path`; Unreadable where it is missing, damaged, or something else."""
    try:
        with path.open("rb") as file:
            header, content = file.readline(_LONGEST_HEADER), file.read()
    except OSError as error:
        raise Unreadable(str(path), f"cannot be read ({error.strerror}); write it anew") from error
    found_kind, found_version, digest = _fields(header)
    if found_kind != kind:
        raise Unreadable(str(path), f"is not a file of the kind {kind!r}; give the folder that was written to")
    if found_version != str(version):
        raise Unreadable(str(path), f"has version {found_version!r}, this release reads {version}; write it anew")
    if digest != _digest(content):
        raise Unreadable(str(path), "is damaged (its checksum does not agree); write it anew")
    return content


def sweep_sealed(path: Path) -> None:
    """Remove what killed writers of `path` have left beside it. For who alone may write it now."""
    for left in path.parent.glob(f".{path.name}-*"):
        left.unlink(missing_ok=True)


def _fields(header: bytes) -> tuple[str, str, str]:
    """Kind, version and digest of a first line, whatever it holds."""
    kind, version, digest, *_ = (*header.decode("ascii", errors="replace").split(" "), "", "", "")
    return kind, version, digest.rstrip("\n")


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def sync_folder(folder: Path) -> None:
    """Make the renaming last through a power cut, where the system lets a folder be opened."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
