"""Which files an image may be loaded from: those under the roots that the caller allows, and those that `read` was
given.
"""

import os
import stat
from collections.abc import Sequence
from os import PathLike
from pathlib import Path

from rag_reasoner.errors import Unreadable

_granted: set[str] = set()


def grant(path: str | PathLike[str]) -> None:
    """Allow one file, whatever the roots are: the person at the keyboard has named it."""
    _granted.add(os.path.realpath(path))


def revoke(path: str | PathLike[str]) -> None:
    """Take back what `grant` allowed, where it was."""
    _granted.discard(os.path.realpath(path))


def allowed(path: str, roots: Sequence[str | PathLike[str]]) -> str:
    """The real path of the regular file meant by `path`; anything that is not allowed is `Unreadable`."""
    try:
        real = os.path.realpath(path, strict=True)
        found = Path(real).stat()
    except (OSError, ValueError) as error:
        raise Unreadable(path, "the image does not exist, or cannot be reached") from error
    if real not in _granted and not any(_is_under(real, root) for root in roots):
        raise Unreadable(path, "the image is outside the folders in image_roots")
    if not stat.S_ISREG(found.st_mode) or not found.st_size:  # those of /proc have no size
        raise Unreadable(path, "the image is not a regular file, or empty")
    return real


def _is_under(real: str, root: str | PathLike[str]) -> bool:
    real_root = os.path.realpath(root)
    return os.path.commonpath([real, real_root]) == real_root if _same_drive(real, real_root) else False


def _same_drive(one: str, other: str) -> bool:
    return os.path.splitdrive(one)[0].lower() == os.path.splitdrive(other)[0].lower()
