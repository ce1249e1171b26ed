"""Where models are kept, and how a folder gets there whole or not at all."""

import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

VARIABLE = "RAG_REASONER_CACHE"


def cache_folder() -> Path:
    """The folder named by RAG_REASONER_CACHE, else the system's own place for caches."""
    if given := os.environ.get(VARIABLE):
        return Path(given)
    from platformdirs import user_cache_path

    return user_cache_path("rag-reasoner", appauthor=False)


def kept(folder: Path, make: Callable[[Path], None]) -> Path:
    """`folder`, made by `make` if it is not there. Of two processes at once the second waits for the first.

    It is made under another name and moved when it is whole: what has its name is complete, even after a crash.
    """
    from filelock import FileLock

    if folder.is_dir():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(folder.with_name(f".{folder.name}.lock")):
        if not folder.is_dir():
            _make(folder, make)
    return folder


def _make(folder: Path, make: Callable[[Path], None]) -> None:
    unfinished = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        whole = unfinished / "whole"
        whole.mkdir()
        make(whole)
        whole.replace(folder)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
