"""Calibration from a run: fitted on its judged pairs, checked on questions that it was not fitted on, stored."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rag_reasoner.errors import InvalidInput
from rag_reasoner.evaluate.curves import judged_pairs
from rag_reasoner.evaluate.fit import FITS, Method
from rag_reasoner.evaluate.folder import Finished
from rag_reasoner.evaluate.record import Record
from rag_reasoner.metrics import expected_calibration_error
from rag_reasoner.models.adapter_card import CARD, read_card
from rag_reasoner.models.calibration import Calibration, among_of, as_stored

BINS = 10

ON_TOP = ("drop_below", "answerable", "abstain_below")
"""What a card holds that is true of one calibration only."""

AMONG = ("nearness", "together")
"""What a card's calibration may hold that is not fitted here."""


@dataclass(frozen=True, slots=True)
class Calibrated:
    """A calibration fitted on all pairs; `before` and `after` are the ECE of halves that it was not fitted on."""

    calibration: Calibration
    pairs: int
    relevant: int
    before: float
    after: float


def calibrate(records: Sequence[Record], method: Method) -> Calibrated:
    """Fit on all pairs. The error after is that of each half of the questions under a fit on the other half."""
    probabilities, labels = judged_pairs(records)
    if not probabilities:
        raise InvalidInput("the runs have no judged pair: run `rag-reasoner eval` with the filter, and with a model")
    halves = [[one for one in records if _half(one.id) == half] for half in (0, 1)]
    mapped: list[float] = []
    truths: list[bool] = []
    for ours, others in (halves, halves[::-1]):
        fitted = FITS[method](_pairs(others))
        mapped += [fitted(p) for p, _ in _pairs(ours)]
        truths += [label for _, label in _pairs(ours)]
    return Calibrated(
        FITS[method](_pairs(records)),
        len(labels),
        sum(labels),
        expected_calibration_error(probabilities, labels, BINS),
        expected_calibration_error(mapped, truths, BINS),
    )


def store(calibration: Calibration, adapter: Path, *, replace: bool = False) -> tuple[str, ...]:
    """Write the calibration into the adapter's card; what was taken out of it, as it was fitted on another calibration.

    Raises InvalidInput where the card has one already: the runs' probabilities went through it, and a second fit on
    top of the first would be wrong alone. With `replace` the caller vouches that they did not.
    """
    read = read_card(adapter).calibration
    if read is not None and not replace:
        raise InvalidInput(
            f"{adapter / CARD} has a calibration already: take it out, run `rag-reasoner eval` again and calibrate on "
            "that, or give --replace if the runs were made without it"
        )
    told = json.loads((adapter / CARD).read_text(encoding="utf-8"))
    left = {name: value for name, value in told.items() if name not in ON_TOP}
    new = adapter / f"{CARD}.new"
    text = json.dumps({**left, "calibration": as_stored(calibration)}, indent=2)
    new.write_text(text + "\n", encoding="utf-8")
    new.replace(adapter / CARD)
    return (*(name for name in ON_TOP if name in told), *(name for name in AMONG if getattr(among_of(read), name)))


def judged_by(runs: Sequence[Finished], adapter: Path) -> None:
    """See that the runs' probabilities are that adapter's. Raises InvalidInput naming the run whose are another's."""
    for run in runs:
        setting = run.header.what["setting"]
        judge = setting["filter_model"] or setting["model"]
        if judge is None or Path(judge).resolve() != adapter.resolve():
            raise InvalidInput(
                f"{run.name} was judged by {judge or 'the default model'}, not by {adapter}: a calibration holds for "
                f"the model that gave the probabilities; run `rag-reasoner eval --model {adapter}`, calibrate on that"
            )


def _pairs(records: Sequence[Record]) -> list[tuple[float, bool]]:
    return list(zip(*judged_pairs(records), strict=True))


def _half(row_id: str) -> int:
    return hashlib.sha256(row_id.encode()).digest()[0] % 2
