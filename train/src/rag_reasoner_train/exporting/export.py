"""An export: weights, `card.json`, and a model card, in a folder that appears when it is whole."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from rag_reasoner.errors import InvalidInput
from rag_reasoner.evaluate.fit import Method
from rag_reasoner.models.adapter_card import CARD
from rag_reasoner.models.base_hash import base_hash
from rag_reasoner_train.config import Common
from rag_reasoner_train.config.settings import ANSWERED, JUDGE_TOKENS, KEPT, common_from
from rag_reasoner_train.examples.near import nearness_by_id
from rag_reasoner_train.exporting.card import model_card
from rag_reasoner_train.exporting.source import Source, source_of
from rag_reasoner_train.exporting.weights import write_adapter, write_merged
from rag_reasoner_train.exporting.whole import new_folder
from rag_reasoner_train.learner import load_learner
from rag_reasoner_train.stages import dev, examples
from rag_reasoner_train.stages.calibrating import Measured, measure
from rag_reasoner_train.stages.encoding import Desk


@dataclass(frozen=True, slots=True)
class Wanted:
    """How to export. `calibrate` names the folders of rows to calibrate P(relevant) on; they were not trained on.

    `judge_tokens` is how much of each document the filter will be shown: calibration is true of that. `among` fits, by
    "platt", what a question's candidates tell of each other. `kept` is the share of the relevant documents that the
    filter shall keep, `answered` that of the answerable questions that shall be answered. `list_size`, `held` and
    `passages` are written into the card: how many documents the run's lists held, and whether replies are to be held to
    the format, and from how many sentences of what answers; with `judges_only` the card says that it learned no lists,
    whatever the run did.
    """

    merged: bool = False
    dtype: Literal["float32", "bfloat16", "float16"] | None = None
    calibrate: tuple[Path, ...] = ()
    split: str = "dev"
    rows: int = 200
    method: Method = "platt"
    judge_tokens: int = JUDGE_TOKENS
    among: bool = False
    kept: float = KEPT
    answered: float = ANSWERED
    list_size: int | None = None
    held: bool = False
    passages: int | None = None
    judges_only: bool = False


def export(place: Path, out: Path, wanted: Wanted = Wanted()) -> Measured | None:
    """Export the run or checkpoint at `place` to `out`, a new folder; its calibration where one was wanted."""
    source = source_of(place)
    lists = _lists(source, wanted)
    measured = _measured(source, wanted) if wanted.calibrate else None
    with new_folder(out) as folder:
        whole = wanted.merged or not source.is_adapter
        _write_weights(source, folder, wanted, whole=whole)
        _write_words(source, folder, measured, lists, whole=whole)
    return measured


def _write_weights(source: Source, folder: Path, wanted: Wanted, *, whole: bool) -> None:
    base = source.told["card"]["base"]
    if not whole:
        write_adapter(source.checkpoint, folder, base, wanted.dtype)
    elif source.is_adapter:
        write_merged(base, source.checkpoint, folder, wanted.dtype)
    else:
        write_merged(str(source.checkpoint), None, folder, wanted.dtype)


def _lists(source: Source, wanted: Wanted) -> Mapping[str, Any]:
    """What the card says of lists. Raises InvalidInput where the run did not fix how much of a document they show."""
    if wanted.judges_only:
        return {"judges_only": True}
    if wanted.list_size is None:
        return {}
    tokens = source.told["settings"]["document_tokens"]
    if tokens is None:
        raise InvalidInput("--list-size needs a run with document_tokens: its lists are then shown alike in inference")
    passages = {"passages": wanted.passages} if wanted.passages else {}
    return {"lists": {"size": wanted.list_size, "tokens": tokens, "held": wanted.held, **passages}}


def _write_words(
    source: Source, folder: Path, measured: Measured | None, lists: Mapping[str, Any], *, whole: bool
) -> None:
    card: Mapping[str, Any] = {**source.told["card"], **lists}
    if whole:  # these weights are a base of their own: the hash is theirs
        card = {**card, "base_hash": base_hash(folder)}
    if measured:
        card = {**card, **measured.as_value()}
    (folder / CARD).write_text(json.dumps(card, indent=2) + "\n", encoding="utf-8")
    told = model_card(source.told, source.figures, measured, "merged weights" if whole else "adapter")
    (folder / "README.md").write_text(told, encoding="utf-8")


def _measured(source: Source, wanted: Wanted) -> Measured:
    """The calibration of the checkpoint on the rows wanted, shown as inference shows them."""
    settings = _settings_of(source, wanted)
    rows = examples.dev_rows(settings)
    if not rows:
        raise InvalidInput("there is no row to calibrate on")
    learner = load_learner(settings)
    desk = Desk(learner, settings.dev_data)
    sized = desk.sized(examples.relevance_examples(rows, settings, desk.count), reply=1)
    judged = dev.judge(learner.model, learner, desk, sized, settings.tokens_per_batch)
    near = nearness_by_id(rows) if wanted.among else None
    return measure(judged, wanted.method, near, wanted.kept, wanted.answered).usable()


def _settings_of(source: Source, wanted: Wanted) -> Common:
    stored = common_from(source.told["settings"])
    shown = replace(
        stored,
        dev_data=wanted.calibrate,
        dev_split=wanted.split,
        dev_rows=wanted.rows,
        judge_tokens=wanted.judge_tokens,
    )
    if source.is_adapter:
        return replace(shown, start=source.checkpoint)
    return replace(shown, base=str(source.checkpoint))
