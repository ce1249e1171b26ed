"""Checkpoints that are whole or not there, and the last of them to resume from."""

import json
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rag_reasoner.errors import InvalidInput
from rag_reasoner.models.adapter_card import CARD
from rag_reasoner_train.errors import NotWritten

ADAPTER = "adapter_config.json"

WHOLE = "whole"
"""Stands in a checkpoint when all else has been written."""


@contextmanager
def saved_whole(
    out: str | Path, step: int, card: Mapping[str, Any], *, first: bool = True, wait: Callable[[], None] = lambda: None
) -> Iterator[None]:
    """Gives the checkpoint of `step` its card and marks it as whole.

    Where several processes write it, `wait` returns when all of them have, and only the `first` marks it. Raises
    NotWritten, and removes the checkpoint, where the disk does not take it.
    """
    folder = Path(out) / f"checkpoint-{step}"
    try:
        yield
        wait()
        if first and (folder / ADAPTER).is_file():  # whole weights are no adapter of their base, and need no card
            (folder / CARD).write_text(json.dumps(dict(card), indent=2) + "\n", encoding="utf-8")
        if first and folder.is_dir():
            (folder / WHOLE).touch()
    except (OSError, RuntimeError) as error:  # torch and safetensors tell a full disk as a RuntimeError
        shutil.rmtree(folder, ignore_errors=True)
        before = last_checkpoint(Path(out))
        left = f"resume from {before}" if before else "there is none before it"
        raise NotWritten(f"the checkpoint of step {step} could not be written to {folder} ({error}): {left}") from error


def last_checkpoint(out: Path) -> Path | None:
    """The last whole checkpoint of a run."""
    found = [folder for folder in out.glob("checkpoint-*") if (folder / WHOLE).is_file()]
    return max(found, key=lambda folder: int(folder.name.rpartition("-")[2]), default=None)


def to_resume(out: Path, *, resume: bool) -> Path | None:
    """Where a run goes on from.

    Raises InvalidInput for a run that has begun and must not be overwritten, or the reverse.
    """
    last = last_checkpoint(out)
    if resume and last is None:
        raise InvalidInput(f"{out} has no whole checkpoint to resume from: start it without --resume")
    if last is not None and not resume:
        raise InvalidInput(f"{out} holds a run already (up to {last.name}): give --resume, or another `out`")
    return last
