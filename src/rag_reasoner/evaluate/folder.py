"""A run's folder: what it is of, a record a question, and what each question cost.

DIR/run.json       the benchmark, the setting; versions, machine and command
DIR/records.jsonl  a record a question
DIR/costs.jsonl    seconds by stage and peak memory a question: the only part that the clock has a hand in
"""

import hashlib
import json
import platform
from collections.abc import Collection, Iterator, Mapping
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from rag_reasoner.errors import InvalidInput
from rag_reasoner.evaluate.lines import whole_lines
from rag_reasoner.evaluate.record import Record
from rag_reasoner.evaluate.setting import Setting

RUN, RECORDS, COSTS = "run.json", "records.jsonl", "costs.jsonl"

_PACKAGES = ("rag-reasoner", "torch", "transformers", "peft", "bm25s", "numpy")


@dataclass(frozen=True, slots=True)
class Header:
    """What a run is of. `what` must be equal for a run to be resumed; `made_with` tells how it came to be."""

    what: Mapping[str, Any]
    made_with: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Costs:
    """What a question took: seconds by stage, and the peak memory so far in MB, by kind."""

    id: str
    seconds: Mapping[str, float]
    memory: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Finished:
    """All that a run left behind. `name` is its folder's."""

    name: str
    header: Header
    records: tuple[Record, ...]
    costs: Mapping[str, Costs]


def header(
    benchmark: str, split: str, ids: Collection[str], setting: Setting, sample: int | None, command: str
) -> Header:
    """The header of a run that starts now. The ids' hash stands for the data: another file is another run."""
    questions = hashlib.sha256("\n".join(sorted(ids)).encode()).hexdigest()[:16]
    what = {
        "benchmark": benchmark,
        "split": split,
        "sample": sample,
        "questions": questions,
        "setting": asdict(setting),
    }
    made = {"versions": dict(_versions()), "machine": f"{platform.system()} {platform.machine()}", "command": command}
    return Header(what, made)


def begin(folder: Path, head: Header) -> None:
    """Make the folder, or see that it holds a run of the same thing. Raises InvalidInput where it does not."""
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / RUN).exists():
        new = folder / f"{RUN}.new"
        new.write_text(json.dumps(asdict(head), indent=2) + "\n", encoding="utf-8")
        new.replace(folder / RUN)
        return
    there, wanted = read_header(folder).what, json.loads(json.dumps(dict(head.what)))
    if differing := sorted(_differing(there, wanted)):
        raise InvalidInput(f"{folder} holds a run with another {', '.join(differing)}: give another, or delete it")


def read_header(folder: Path) -> Header:
    """What the folder's run is of. Raises InvalidInput where there is none."""
    try:
        there = json.loads((folder / RUN).read_text(encoding="utf-8"))
        return Header(there["what"], there["made_with"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InvalidInput(
            f"{folder} holds no run: {RUN} is missing or damaged; run `rag-reasoner eval` first"
        ) from error


def records(folder: Path) -> tuple[Record, ...]:
    """The records of a run, in the order in which they were made. Raises InvalidInput naming a damaged line."""
    return tuple(_record(line, f"{folder / RECORDS}, line {n}") for n, line in _numbered(folder / RECORDS))


def costs(folder: Path) -> dict[str, Costs]:
    """What each question took; the last account of each counts."""
    found = (Costs(**json.loads(line)) for _, line in _numbered(folder / COSTS))
    return {one.id: one for one in found}


def read_run(folder: Path) -> Finished:
    """Everything in the folder. Raises InvalidInput where there is no run, or no question asked yet."""
    found = Finished(folder.name, read_header(folder), records(folder), costs(folder))
    if not found.records:
        raise InvalidInput(f"{folder} has no record yet: run `rag-reasoner eval` with it to the end")
    return found


def _record(line: str, where: str) -> Record:
    try:
        return Record.model_validate_json(line)
    except ValidationError as error:
        raise InvalidInput(f"{where} is no record of this release: delete the folder and run again") from error


def _numbered(path: Path) -> Iterator[tuple[int, str]]:
    return enumerate(whole_lines(path), 1)


def _differing(there: Mapping[str, Any], wanted: Mapping[str, Any]) -> Iterator[str]:
    for key in there.keys() | wanted.keys():
        one, other = there.get(key), wanted.get(key)
        if isinstance(one, dict) and isinstance(other, dict):
            yield from _differing(one, other)
        elif one != other:
            yield key


def _versions() -> Iterator[tuple[str, str]]:
    yield "python", platform.python_version()
    for package in _PACKAGES:
        try:
            yield package, version(package)
        except PackageNotFoundError:
            continue
