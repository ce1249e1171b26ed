"""A run's plots as PNG files: recall by k, the distributions of P(relevant), and its calibration."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from rag_reasoner.errors import MissingExtra
from rag_reasoner.evaluate.curves import judged_pairs, recall_by_k
from rag_reasoner.evaluate.folder import Finished
from rag_reasoner.evaluate.tables import BINS
from rag_reasoner.metrics import expected_calibration_error, reliability

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def draw(run: Finished, folder: Path) -> list[Path]:
    """Draw what there is to draw of the run into `folder`, and give the files; those of P(relevant) need a filter."""
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingExtra("drawing plots", "eval") from error
    folder.mkdir(parents=True, exist_ok=True)
    drawn = []
    for name, plot in _PLOTS.items():
        figure = Figure(figsize=(5, 4), layout="constrained")
        axes = figure.add_subplot()
        if plot(run, axes):
            path = folder / f"{name}.png"
            figure.savefig(path, dpi=120)
            drawn.append(path)
    return drawn


def _recall(run: Finished, axes: "Axes") -> bool:
    found = recall_by_k(run.records)
    axes.plot(range(1, len(found) + 1), found, marker="o")
    axes.set(xlabel="k", ylabel="mean recall@k", ylim=(0, 1.02), title=f"Recall by k, n = {len(run.records)}")
    return bool(found)


def _scores(run: Finished, axes: "Axes") -> bool:
    probabilities, labels = judged_pairs(run.records)
    for label, name in ((True, "relevant"), (False, "irrelevant")):
        part = [p for p, one in zip(probabilities, labels, strict=True) if one is label]
        axes.hist(part, bins=25, range=(0, 1), density=bool(part), alpha=0.6, label=f"{name}, {len(part):,}")
    axes.set(xlabel="P(relevant)", ylabel="density", title="P(relevant) of judged pairs")
    axes.legend()
    return bool(probabilities)


def _calibration(run: Finished, axes: "Axes") -> bool:
    probabilities, labels = judged_pairs(run.records)
    if not probabilities:
        return False
    bins = reliability(probabilities, labels, BINS)
    points = [
        (one.confidence, one.frequency) for one in bins if one.confidence is not None and one.frequency is not None
    ]
    error = expected_calibration_error(probabilities, labels, BINS)
    axes.plot([0, 1], [0, 1], linestyle=":", color="grey")
    axes.plot([x for x, _ in points], [y for _, y in points], marker="o")
    axes.set(xlabel="mean P(relevant)", ylabel="share that is relevant", xlim=(0, 1), ylim=(0, 1))
    axes.set_title(f"Calibration: ECE {error:.3f} in {BINS} bins, {len(labels):,} pairs")
    return True


_PLOTS: Mapping[str, Callable[[Finished, "Axes"], bool]] = {
    "recall": _recall,
    "scores": _scores,
    "calibration": _calibration,
}
