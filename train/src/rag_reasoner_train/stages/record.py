"""What a run leaves of itself: the card of its adapter in each checkpoint, its settings, its curves."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from transformers import TrainerCallback

from rag_reasoner import __version__
from rag_reasoner.backends.local.load import _on_disk as on_disk
from rag_reasoner.models.adapter_card import read_card
from rag_reasoner.models.base_hash import base_hash
from rag_reasoner.tasks import FORMAT
from rag_reasoner_train.config import Pointwise, Run, Sft
from rag_reasoner_train.learner import Learner
from rag_reasoner_train.learner.learner import adapter_folder
from rag_reasoner_train.written import write_text

RUN = "run.json"


def card_of(run: Run[Any], learner: Learner) -> dict[str, Any]:
    """The card of an adapter that this run makes, as JSON values."""
    card = {"format_version": FORMAT, "base_hash": base_hash(on_disk(learner.base)), "base": run.settings.base}
    return {**card, "judges_only": True} if _judges_only(run.settings) else card


def _judges_only(settings: Any) -> bool:
    """Whether nothing that was learned here, or in what it goes on from, is about lists."""
    if settings.start is not None and not read_card(adapter_folder(settings.start)).judges_only:
        return False
    match settings:
        case Pointwise() | Sft(objective="contrastive"):
            return True
        case Sft(tasks=tasks):
            return set(tasks) == {"relevance"}
    return False


def write_run(stage: str, run: Run[Any], learner: Learner, card: Mapping[str, Any]) -> None:
    """`run.json`: what was run, with which settings, from what. The size of the adapter is that of its start."""
    settings = {**asdict(run.settings), **learner.lora}
    told = {"stage": stage, "version": __version__, "card": dict(card), "settings": settings}
    text = json.dumps({**told, "handed_on": dict(run.handed_on)}, indent=2, default=str)
    write_text(run.settings.out / RUN, text + "\n")


class Curves(TrainerCallback):  # type: ignore[misc]
    """`curves.png`: every figure that was logged, over the steps; drawn anew whenever a checkpoint is saved."""

    def __init__(self, out: Path) -> None:
        self._out = out

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self._draw(state)

    def on_train_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self._draw(state)

    def _draw(self, state: Any) -> None:
        if state.is_world_process_zero:
            draw(self._out / "curves.png", state.log_history)


def draw(path: Path, history: Sequence[Mapping[str, Any]]) -> None:
    """Each logged figure in a plot of its own; what belongs to training and to the dev set in one."""
    series = _series(history)
    names = sorted({name.removeprefix("eval_") for name in series})
    if not names:
        return
    _plot(path, series, names)


def _series(history: Sequence[Mapping[str, Any]]) -> dict[str, list[tuple[int, float]]]:
    found: dict[str, list[tuple[int, float]]] = {}
    for line in history:
        for name, value in line.items():
            if isinstance(value, int | float) and name not in ("step", "epoch") and not name.startswith("train_"):
                found.setdefault(name, []).append((line["step"], value))
    return found


def _plot(path: Path, series: Mapping[str, Sequence[tuple[int, float]]], names: Sequence[str]) -> None:
    from matplotlib.figure import Figure

    rows = -(-len(names) // 3)
    figure = Figure(figsize=(12, 2.6 * rows), layout="constrained")
    for place, name in enumerate(names, 1):
        axes = figure.add_subplot(rows, 3, place, title=name)
        for given, label in ((name, "training"), (f"eval_{name}", "dev")):
            if given in series:
                axes.plot(*zip(*series[given], strict=True), label=label, marker="." if label == "dev" else None)
        axes.legend(fontsize="small")
    new = path.with_name(f".{path.name}")
    figure.savefig(new, format="png", dpi=90)
    new.replace(path)
