"""What the commands that train have in common."""

import json
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

Config = Annotated[Path, typer.Argument(help="The run's YAML file; train/configs has some to begin with.")]
Data = Annotated[
    list[Path] | None, typer.Option("--data", help="A folder of rows, in place of the file's `data`; may be repeated.")
]
OutFolder = Annotated[Path | None, typer.Option("--out", help="The run's folder, in place of the file's `out`.")]
Changes = Annotated[
    list[str] | None, typer.Option("--set", help="key=value, in place of what the file says; may be repeated.")
]
Resume = Annotated[bool, typer.Option("--resume", help="Go on from the last whole checkpoint.")]

KEYS = "The file's keys are ours (docs/training.md) and those of the trainer behind: TrainingArguments, or GRPOConfig."


@dataclass(frozen=True, slots=True)
class Given:
    """What the command line changes in a run's file."""

    data: list[Path] | None
    out: Path | None
    changes: list[str] | None

    def as_changes(self) -> list[str]:
        folders = [str(folder) for folder in self.data or []]
        found = [f"data={json.dumps(folders)}"] if folders else []
        return found + ([f"out={json.dumps(str(self.out))}"] if self.out else []) + (self.changes or [])


@contextmanager
def no_foreign_warnings() -> Iterator[None]:
    """What the libraries behind tell of their own future is no business of who trains."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        warnings.simplefilter("ignore", DeprecationWarning)
        yield
