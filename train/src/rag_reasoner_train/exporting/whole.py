"""A folder that is there whole or not at all."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rag_reasoner.errors import InvalidInput
from rag_reasoner_train.errors import NotWritten


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """A folder to write into, which becomes `path` when all is written.

    Raises InvalidInput where `path` exists, NotWritten where the disk does not take it; nothing is left then.
    """
    if path.exists():
        raise InvalidInput(f"{path} is there already: give another folder, or remove it")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = Path(tempfile.mkdtemp(prefix=f".{path.name}-", dir=path.parent))
    except OSError as error:
        raise NotWritten(f"{path} could not be written ({error.strerror})") from error
    try:
        yield unfinished
        _readable(unfinished)
        unfinished.replace(path)
    except OSError as error:
        raise NotWritten(f"{path} could not be written ({error.strerror or error}); nothing was left") from error
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def _readable(folder: Path) -> None:
    """Readable to all, whatever the writers of weights made of it."""
    folder.chmod(0o755)
    for path in folder.iterdir():
        path.chmod(0o644)
