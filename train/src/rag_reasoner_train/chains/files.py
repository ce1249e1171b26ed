"""Chains beside their rows: `SPLIT.chains.jsonl`, a chain a line."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from rag_reasoner.errors import InvalidInput
from rag_reasoner_train.chains.chain import Chain
from rag_reasoner_train.written import write_json_lines

_CHAIN = TypeAdapter(Chain)


def chains_file(folder: Path, split: str) -> Path:
    """Where the chains of a split are."""
    return folder / f"{split}.chains.jsonl"


def write_chains(path: Path, chains: Iterable[Chain]) -> int:
    """Write the chains, all or none; how many there were."""
    return write_json_lines(path, map(as_value, chains))


def read_chains(folder: Path, split: str = "train") -> dict[str, Chain]:
    """The chains of a split by the ids of their rows. Raises InvalidInput naming the line that is none."""
    path = chains_file(folder, split)
    try:
        lines = path.read_bytes().split(b"\n")
    except OSError as error:
        raise InvalidInput(f"{path} cannot be read ({error.strerror}): make it with `data chains`") from error
    found = (_read(line, f"{path}, line {number}") for number, line in enumerate(lines, 1) if line.strip())
    return {chain.row_id: chain for chain in found}


def as_value(chain: Chain) -> dict[str, Any]:
    """The chain as JSON values; of each saying only what is said."""
    sayings = {one: {name: text for name, text in asdict(said).items() if text} for one, said in chain.sayings.items()}
    return {**asdict(chain), "sayings": sayings}


def from_value(value: Mapping[str, Any]) -> Chain:
    """The chain of JSON values. Raises pydantic's ValidationError for anything else."""
    return _CHAIN.validate_python(value)


def _read(line: bytes, where: str) -> Chain:
    try:
        return _CHAIN.validate_json(line)
    except ValidationError as error:
        raise InvalidInput(f"{where} is no chain of this release: make the chains anew") from error
