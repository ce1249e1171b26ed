"""Figures of a model on dev rows while it is trained."""

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from rag_reasoner.metrics import expected_calibration_error, ndcg
from rag_reasoner_train.examples import Example
from rag_reasoner_train.learner import Learner
from rag_reasoner_train.stages.encoding import Desk, Sized
from rag_reasoner_train.stages.judgements import judgements
from rag_reasoner_train.stages.objective import Objective, Unit
from rag_reasoner_train.stages.packs import packs

BINS = 10


@dataclass(frozen=True, slots=True)
class Judged:
    """An example, how much likelier than no the model finds yes (a difference of logits), and how unlikely both are."""

    example: Example
    margin: float
    unsaid: float = 0.0
    """-log(P(yes) + P(no)), in nats."""

    @property
    def probability(self) -> float:
        """P(yes)."""
        return (1 + math.tanh(self.margin / 2)) / 2  # a sigmoid that cannot overflow


def places_of_questions(judged: Sequence[Judged]) -> list[list[int]]:
    """Where each question's candidates stand in `judged`."""
    questions: defaultdict[str, list[int]] = defaultdict(list)
    for place, one in enumerate(judged):
        questions[one.example.group].append(place)
    return list(questions.values())


def judge(model: Any, learner: Learner, desk: Desk, examples: Sequence[Sized], most: int) -> list[Judged]:
    """What the model thinks of each example, as inference computes it; those of a question are judged together."""
    import torch

    model.eval()
    found: dict[str, tuple[float, float]] = {}
    for pack in packs(rows_of(examples), _tokens, most, 0):
        ours = [one.example for unit in pack for one in unit]
        with torch.no_grad(), learner.computing():
            said = judgements(model, learner.loaded, [desk.prompt(one) for one in ours])
        told = zip(said.margins.tolist(), said.unsaid.tolist(), strict=True)
        found |= dict(zip([one.id for one in ours], told, strict=True))
    return [Judged(one.example, *found[one.example.id]) for one in examples]


def rows_of(examples: Sequence[Sized]) -> list[Unit]:
    """Examples of one question together."""
    return [tuple(unit) for _, unit in groupby(examples, key=lambda one: one.example.group)]


def judging_figures(judged: Sequence[Judged]) -> dict[str, float]:
    """hit@1 and nDCG@10 by P(yes) over the questions with a relevant candidate, and the ECE over all pairs."""
    questions = [list(unit) for _, unit in groupby(judged, key=lambda one: one.example.group)]
    ranked = [_ranked(unit) for unit in questions if any(one.example.relevant for one in unit)]
    labels = [bool(one.example.relevant) for one in judged]
    ece = expected_calibration_error([one.probability for one in judged], labels, BINS)
    count = max(len(ranked), 1)
    return {
        "hit@1": sum(order[0] in grades for order, grades in ranked) / count,
        "ndcg@10": sum(ndcg(order, grades, 10) for order, grades in ranked) / count,
        "ece": ece,
    }


def _ranked(unit: Sequence[Judged]) -> tuple[list[int], dict[int, float]]:
    order = sorted(range(len(unit)), key=lambda place: -unit[place].probability)
    return order, {place: 1.0 for place, one in enumerate(unit) if one.example.relevant}


def mean_loss(model: Any, learner: Learner, objective: Objective, units: Sequence[Unit], most: int) -> float:
    """The objective's mean on the dev examples."""
    import torch

    model.eval()
    total, items = 0.0, 0
    with torch.no_grad(), learner.computing():
        for pack in packs(units, _tokens, most, 0):
            found = objective(model, pack)
            total, items = total + float(found.loss), items + found.items
    return total / max(items, 1)


def _tokens(unit: Unit) -> int:
    return sum(one.tokens for one in unit)
