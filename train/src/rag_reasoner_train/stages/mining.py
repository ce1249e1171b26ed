"""Pairs to learn from: those of which the model is least certain, as many relevant as not."""

import json
from collections.abc import Sequence
from pathlib import Path
from random import Random

from rag_reasoner.errors import InvalidInput
from rag_reasoner_train.examples import Example
from rag_reasoner_train.stages.dev import Judged
from rag_reasoner_train.written import write_text

MINED = "mined.json"


def uncertain(judged: Sequence[Judged], pairs: int) -> list[Judged]:
    """The `pairs` whose P(yes) is nearest to a half, balanced. Raises InvalidInput where there is one label only."""
    sides = [sorted((one for one in judged if one.example.relevant is side), key=_certainty) for side in (True, False)]
    each = min(pairs // 2, *map(len, sides))
    if not each:
        raise InvalidInput(
            "the pool holds relevant or irrelevant pairs only, or `pairs` is below 2: nothing to balance"
        )
    return [one for both in zip(sides[0][:each], sides[1][:each], strict=True) for one in both]


def pool_of(examples: Sequence[Example], most: int, seed: int) -> list[Example]:
    """Whole questions, drawn at random until there are `most` pairs."""
    groups = list(dict.fromkeys(one.group for one in examples))
    members: dict[str, list[Example]] = {group: [] for group in groups}
    for one in examples:
        members[one.group].append(one)
    drawn: list[Example] = []
    for group in Random(f"pool/{seed}").sample(groups, len(groups)):
        if len(drawn) >= most:
            break
        drawn += members[group]
    return drawn


def write_mined(out: Path, mined: Sequence[Judged]) -> None:
    """Keep which pairs were mined, so that a run that is resumed goes on with the same."""
    told = {one.example.id: one.probability for one in mined}
    write_text(out / MINED, json.dumps(told, indent=1) + "\n")


def read_mined(out: Path) -> list[str]:
    """The ids of the pairs that were mined. Raises InvalidInput where they were not kept."""
    try:
        return list(json.loads((out / MINED).read_text(encoding="utf-8")))
    except (OSError, ValueError) as error:
        raise InvalidInput(f"{out / MINED} cannot be read ({error}): start the run again in another folder") from error


def _certainty(one: Judged) -> float:
    return abs(one.probability - 0.5)
