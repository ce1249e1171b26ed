"""The chains of a split, made by rule and written beside their rows."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from rag_reasoner_train.chains.chain import Chain
from rag_reasoner_train.chains.check import NoChain
from rag_reasoner_train.chains.files import chains_file, write_chains
from rag_reasoner_train.chains.rules import AS_A_RULE, Rules, chain_by_rule
from rag_reasoner_train.rows.reading import read_rows
from rag_reasoner_train.rows.row import Row
from rag_reasoner_train.written import write_json_lines


@dataclass(slots=True)
class Built:
    """How many chains there are, how many carry the answer, and the rows without one."""

    chains: int = 0
    certain: int = 0
    rejected: list[NoChain] = field(default_factory=list)


def build_chains(folder: Path, out: Path, split: str, rules: Rules = AS_A_RULE) -> Built:
    """Write `SPLIT.chains.jsonl`, and `SPLIT.chains.rejected.jsonl` with the rows that have no chain, and why."""
    built = Built()
    rows = read_rows(folder, split, images=False)
    write_chains(chains_file(out, split), counted(_by_rule(rows, rules, built), built))
    write_rejected(out, split, built.rejected)
    return built


def _by_rule(rows: Iterable[Row], rules: Rules, built: Built) -> Iterator[Chain]:
    for row in rows:
        try:
            yield chain_by_rule(row, rules)
        except NoChain as no_chain:
            built.rejected.append(no_chain)


def counted(chains: Iterable[Chain], built: Built) -> Iterator[Chain]:
    """The chains as they come, counted."""
    for chain in chains:
        built.chains += 1
        built.certain += chain.certain
        yield chain


def write_rejected(out: Path, split: str, rejected: Iterable[NoChain]) -> None:
    """Write which rows have no chain, and why."""
    lines = ({"id": one.row_id, "reason": one.reason, "reply": one.reply} for one in rejected)
    write_json_lines(out / f"{split}.chains.rejected.jsonl", lines)
