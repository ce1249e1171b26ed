"""A run's file, read: ours checked against the types above, the rest against the arguments of the trainer behind."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Generic, TypeVar

from pydantic import TypeAdapter, ValidationError

from rag_reasoner.errors import InvalidInput
from rag_reasoner_train.config.settings import Common

OURS = TypeVar("OURS", bound=Common)

TAKEN = {"output_dir": "out", "max_length": "words", "model_init_kwargs": "base", "reward_weights": "weights"}
TAKEN |= dict.fromkeys(("bf16", "fp16"), "precision")
"""Arguments behind that have a name of ours."""

_EXPONENT = re.compile(r"[-+]?\d+(\.\d*)?e[-+]?\d+", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Run(Generic[OURS]):
    """The settings of a run, the arguments that are handed on, and the file they are from."""

    settings: OURS
    handed_on: Mapping[str, Any]
    file: Path


def read_run(file: Path, stage: type[OURS], arguments: type, changes: Sequence[str] = ()) -> Run[OURS]:
    """The run that `file` describes, with `changes` (key=value, as in YAML) on top.

    `arguments` is the dataclass of what is handed on. Raises InvalidInput for a file that cannot be read, an unknown
    key, with the nearest one that there is, and a value that does not fit.
    """
    stored = {**_stored(file), **_changed(changes)}
    ours = {field.name for field in fields(stage)}
    known = ours | {field.name for field in fields(arguments) if field.init} - TAKEN.keys()
    for key in stored:
        if key not in known:
            raise InvalidInput(_unknown(str(key), known, file))
    handed_on = {key: value for key, value in stored.items() if key not in ours}
    settings = _checked(stage, {key: value for key, value in stored.items() if key in ours}, file)
    return Run(settings, handed_on, file)


def _stored(file: Path) -> dict[str, Any]:
    import yaml

    try:
        stored = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(f"{file} cannot be read ({error}): give the YAML file of a run") from error
    except yaml.YAMLError as error:
        raise InvalidInput(f"{file} is not YAML: {error}") from error
    if not isinstance(stored, dict):
        raise InvalidInput(f"{file} holds {type(stored).__name__}: a run is lines of `key: value`")
    return {key: _number(value) for key, value in stored.items()}


def _changed(changes: Sequence[str]) -> dict[str, Any]:
    import yaml

    found = {}
    for change in changes:
        key, sign, value = change.partition("=")
        if not sign:
            raise InvalidInput(f"{change!r} changes nothing: write key=value")
        try:
            found[key.strip()] = _number(yaml.safe_load(value))
        except yaml.YAMLError as error:
            raise InvalidInput(
                f"{change!r} cannot be read: what follows = must be YAML, with its brackets closed"
            ) from error
    return found


def _number(value: Any) -> Any:
    """YAML 1.1 reads 2e-4 as a text."""
    return float(value) if isinstance(value, str) and _EXPONENT.fullmatch(value) else value


def _unknown(key: str, known: set[str], file: Path) -> str:
    if key in TAKEN:
        return f"{file}: {key!r} is called {TAKEN[key]!r} here"
    near = get_close_matches(key, sorted(known), n=1)
    hint = f"did you mean {near[0]!r}?" if near else "docs/training.md lists the keys"
    return f"{file}: unknown key {key!r}; {hint}"


def _checked(stage: type[OURS], values: dict[str, Any], file: Path) -> OURS:
    lists = {"data", "dev_data", "lists", "tasks"}
    made = {key: [value] if key in lists and isinstance(value, str) else value for key, value in values.items()}
    try:
        return TypeAdapter(stage).validate_python(made)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        given = "" if first["type"] == "missing" else f", not {first['input']!r}"
        raise InvalidInput(f"{file}: {key}: {first['msg']}{given}") from error
