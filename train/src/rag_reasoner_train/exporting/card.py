"""The model card: what was trained, on what, how, and what the dev set said of it."""

from collections.abc import Mapping
from typing import Any

from rag_reasoner_train.stages.calibrating import Measured
from rag_reasoner_train.stages.silence import Silence

_LIMITS = """## Limits

It judges, ranks and answers from the documents it is shown; what they say may be wrong. It was trained on the languages
and kinds of documents of its data. rag_reasoner checks each quote, and says whether it stands in its document.
"""


def model_card(told: Mapping[str, Any], figures: Mapping[str, float], measured: Measured | None, kind: str) -> str:
    """The card of what a run (`run.json`) made, in Markdown; `figures` are its last ones on the dev rows."""
    card, settings = told["card"], told["settings"]
    lines = [
        "# A model for rag_reasoner",
        "",
        f"The {kind} of a `{told['stage']}` run of rag-reasoner-train {told['version']}. Load it with",
        '`ReasoningReranker(model="this folder")`.',
        "",
        f"- base: {card['base']} (weights {card['base_hash'][:12]}…)",
        f"- format: {card['format_version']}",
        *_calibration(measured),
        "",
        "## Training",
        "",
        "| setting | value |",
        "|---|---|",
        *(f"| {name} | {_shown(name, value)} |" for name, value in {**settings, **told["handed_on"]}.items()),
        "",
        *_figures(figures, settings),
        _LIMITS,
    ]
    return "\n".join(lines)


def _calibration(measured: Measured | None) -> list[str]:
    if measured is None:
        return ["- P(relevant) is not calibrated"]
    told = f"expected calibration error {measured.before:.3f} before, {measured.after:.3f} after"
    return [
        f"- P(relevant) is calibrated on {measured.pairs} pairs: {told} (each half by a fit on the other)",
        f"- the filter drops what is below {measured.drop_below:.3g}: {measured.dropped:.0%} of what is irrelevant",
        *_silence(measured.silence),
    ]


def _silence(silence: Silence) -> list[str]:
    if silence.noticed is None:
        return [f"- where no document reaches {silence.abstain_below:.3g}, the documents do not say"]
    share = f"{silence.noticed:.0%} of the questions that this was fitted on, without their relevant documents"
    return [f"- where an answer is less likely than {silence.abstain_below:.3g}, the documents do not say: {share}"]


def _figures(figures: Mapping[str, float], settings: Mapping[str, Any]) -> list[str]:
    if not figures:
        return []
    rows = [f"| {name} | {value:.4g} |" for name, value in sorted(figures.items())]
    return [f"## On {settings['dev_rows']} dev rows", "", "| figure | value |", "|---|---|", *rows, ""]


def _shown(name: str, value: Any) -> str:
    """A setting's value; of folders only their names, which say nothing of the machine."""
    if name in ("out", "data", "dev_data", "start", "base") and value:
        parts = value if isinstance(value, list) else [value]
        return ", ".join(str(part).rstrip("/").rpartition("/")[2] for part in parts)
    return str(value)
