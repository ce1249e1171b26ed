"""A run as Markdown: its figures, by group and slice, what it cost, and everything needed to make it again."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rag_reasoner.evaluate.benchmarks import Benchmark, benchmark
from rag_reasoner.evaluate.curves import judged_pairs
from rag_reasoner.evaluate.figures import values, webqa_fluency
from rag_reasoner.evaluate.folder import Finished, Header
from rag_reasoner.evaluate.markdown import facts, number, table
from rag_reasoner.evaluate.record import Record
from rag_reasoner.metrics import expected_calibration_error, faults, grouped, mean
from rag_reasoner.metrics.webqa import Likelihood

BINS = 10
"""The bins of the calibration error."""


def report(run: Finished, likelihood: Likelihood | None = None) -> str:
    """All tables of a run. `likelihood` is what QA-FL is measured by, where the benchmark has it."""
    asked = benchmark(str(run.header.what["benchmark"]))
    return "\n\n".join(_parts(asked, run, likelihood)) + "\n"


def _parts(asked: Benchmark, run: Finished, likelihood: Likelihood | None) -> Iterator[str]:
    what = run.header.what
    yield f"# {asked.title}, {what['split']}: n = {len(run.records)}"
    yield _figures(asked, run.records)
    yield from _fluency(asked, run.records, likelihood)
    yield from _slices(asked, run.records)
    yield from _by_group(asked, run.records)
    yield from _calibration(run.records)
    yield "## Faults\n\n" + table(("fault", "questions"), _faults(run.records))
    yield "## Cost a question\n\n" + table(("", "mean"), _costs(run))
    yield "## Made with\n\n" + facts(made_with(run.header))


def means(asked: Benchmark, records: Sequence[Record]) -> dict[str, tuple[float | None, int]]:
    """Every figure's mean and the number of questions it can be scored on; None where there is none."""
    scored = {name: values(figure, records).values() for name, figure in asked.figures.items()}
    return {name: (mean(found) if found else None, len(found)) for name, found in scored.items()}


def _figures(asked: Benchmark, records: Sequence[Record]) -> str:
    found = means(asked, records).items()
    return table(("figure", "mean", "n"), [(name, number(value), str(n)) for name, (value, n) in found])


def _fluency(asked: Benchmark, records: Sequence[Record], likelihood: Likelihood | None) -> Iterator[str]:
    """WebQA's QA-FL, which needs a model of its own; without one it is told as absent."""
    if not asked.fluency:
        return
    if likelihood is None:
        yield "QA-FL was not measured: it needs a BART checkpoint (--fluency-model)."
        return
    scored = values(webqa_fluency(likelihood), records).values()
    found = number(mean(scored) if scored else None)
    yield f"QA-FL (BARTScore, `--fluency-model`): {found} over {len(scored)} answers."


def _slices(asked: Benchmark, records: Sequence[Record]) -> Iterator[str]:
    parts = {name: [part for one in records if (part := cut(one))] for name, cut in asked.slices.items()}
    rows = [(name, str(len(part)), *_leading(asked, part)) for name, part in parts.items() if part]
    if rows:
        yield "## Harder slices\n\n" + table(("slice", "n", *asked.leading), rows)


def _leading(asked: Benchmark, records: Sequence[Record]) -> list[str]:
    found = means(asked, records)
    return [number(found[name][0]) for name in asked.leading]


def _by_group(asked: Benchmark, records: Sequence[Record]) -> Iterator[str]:
    """Means by group; micro is the mean over questions, macro the mean over the groups."""
    groups = {one.id: one.group or "none" for one in records}
    names = sorted(set(groups.values()))
    if not asked.group or len(names) < 2:
        return
    scored = {name: values(asked.figures[name], records) for name in asked.leading}
    by_figure = {name: grouped(found, groups) for name, found in scored.items() if found}
    counts = [sum(group == name for group in groups.values()) for name in names]
    rows = [
        (name, str(count), *(number(one.means.get(name)) for one in by_figure.values()))
        for name, count in zip(names, counts, strict=True)
    ]
    rows.append(("micro", str(len(records)), *(number(one.micro) for one in by_figure.values())))
    rows.append(("macro", f"{len(names)} groups", *(number(one.macro) for one in by_figure.values())))
    yield f"## By {asked.group}\n\n" + table((asked.group, "n", *by_figure), rows)


def _calibration(records: Sequence[Record]) -> Iterator[str]:
    probabilities, labels = judged_pairs(records)
    if probabilities:
        error = expected_calibration_error(probabilities, labels, BINS)
        pairs = f"{len(labels):,} judged pairs, {sum(labels):,} of them relevant"
        yield f"Calibration error (ECE, {BINS} bins) of P(relevant): {error:.3f} over {pairs}."


def _faults(records: Sequence[Record]) -> list[tuple[str, str]]:
    """How many questions had each kind of fault, and how many an order that is not wholly a trained model's own."""
    counts = faults(one.faults for one in records).counts
    degraded = sum(one.degraded for one in records)
    return [("degraded order", str(degraded)), *((kind, str(count)) for kind, count in counts.items())]


def _costs(run: Finished) -> Iterator[tuple[str, str]]:
    yield "model calls", f"{mean(one.calls for one in run.records):.1f}"
    yield "tokens read", f"{mean(one.read for one in run.records):,.0f}"
    yield "tokens written", f"{mean(one.written for one in run.records):,.0f}"
    costs = run.costs.values()
    for stage in dict.fromkeys(stage for one in costs for stage in one.seconds):
        yield f"seconds, {stage}", f"{mean(one.seconds.get(stage, 0.0) for one in costs):.3f}"
    for kind in sorted({kind for one in costs for kind in one.memory}):
        yield f"peak memory, {kind}", f"{math.ceil(max(one.memory.get(kind, 0.0) for one in costs)):,} MB"


def made_with(head: Header) -> list[tuple[str, str]]:
    """Benchmark, sample, setting, versions, machine and command."""
    what, made = head.what, head.made_with
    sample = "all" if what["sample"] is None else f"{what['sample']} by hash"
    versions = ", ".join(f"{name} {one}" for name, one in made["versions"].items())
    return [
        ("benchmark", f"{what['benchmark']}, {what['split']}"),
        ("sample", sample),
        ("setting", _setting(what["setting"])),
        ("versions", versions),
        ("machine", made["machine"]),
        ("command", f"`{made['command']}`"),
    ]


def _setting(stored: Mapping[str, Any]) -> str:
    flat = {**stored, "sources": " ".join(_sources(**stored["sources"]))}
    flat |= {"server": " ".join(map(str, stored["server"].values()))} if stored.get("server") else {}
    return ", ".join(f"{name} {'default' if value is None else value}" for name, value in flat.items())


def _sources(by: str, threshold: float) -> list[str]:
    return [by] if by == "citations" else [by, "above", str(threshold)]
