"""Runs side by side: the first against each of the others, by paired bootstrap over the same questions."""

from collections.abc import Sequence

from rag_reasoner.candidates import one_of
from rag_reasoner.errors import InvalidInput
from rag_reasoner.evaluate.benchmarks import Benchmark, benchmark
from rag_reasoner.evaluate.figures import values
from rag_reasoner.evaluate.folder import Finished
from rag_reasoner.evaluate.markdown import facts, number, table
from rag_reasoner.evaluate.tables import made_with, means
from rag_reasoner.metrics import Comparison, paired_bootstrap


def compare(a: Finished, b: Finished, figure: str, *, samples: int = 10_000, seed: int = 0) -> Comparison | None:
    """`b` against `a` by one figure, over the questions that it can be scored on in both; None where there are none.

    Raises InvalidInput where the two runs are not of the same questions.
    """
    asked = _same_questions(a, b)
    one_of("figure", figure, tuple(asked.figures))
    ours, theirs = (values(asked.figures[figure], run.records) for run in (a, b))
    both = ours.keys() & theirs.keys()
    if not both:
        return None
    return paired_bootstrap(
        {one: ours[one] for one in both}, {one: theirs[one] for one in both}, samples=samples, seed=seed
    )


def report(runs: Sequence[Finished], chosen: Sequence[str] = (), *, samples: int = 10_000, seed: int = 0) -> str:
    """All runs as one table, and each after the first against the first. By the benchmark's leading figures if none
    is chosen.
    """
    if len(runs) < 2:
        raise InvalidInput(f"{len(runs)} run to compare: give two or more folders")
    asked = benchmark(str(runs[0].header.what["benchmark"]))
    figures = tuple(chosen) or asked.leading
    for name in figures:
        one_of("figure", name, tuple(asked.figures))
    named = dict(zip(_names(runs), runs, strict=True))
    rows = [
        _row(figure, (first, other), compare(named[first], named[other], figure, samples=samples, seed=seed))
        for first, *others in [list(named)]
        for other in others
        for figure in figures
    ]
    head = ("figure", "a", "b", "n", "mean a", "mean b", "b - a", "95 % interval", "p")
    how = f"Paired bootstrap over questions, {samples:,} samples, seed {seed}."
    makes = [f"### {name}\n\n{facts(made_with(run.header))}" for name, run in named.items()]
    return "\n\n".join([_together(asked, named, figures), table(head, rows), how, *makes]) + "\n"


def _together(asked: Benchmark, named: dict[str, Finished], figures: Sequence[str]) -> str:
    found = {name: means(asked, run.records) for name, run in named.items()}
    rows = [(name, str(len(named[name].records)), *(number(one[f][0]) for f in figures)) for name, one in found.items()]
    return table(("run", "n", *figures), rows)


def _row(figure: str, names: tuple[str, str], found: Comparison | None) -> tuple[str, ...]:
    if found is None:
        return (figure, *names, "0", *["–"] * 5)
    interval = f"{found.low:+.3f} … {found.high:+.3f}"
    numbers = (number(found.mean_a), number(found.mean_b), f"{found.difference:+.3f}", interval, f"{found.p:.4f}")
    return (figure, *names, str(found.n), *numbers)


def _names(runs: Sequence[Finished]) -> list[str]:
    """The runs' names, numbered where two are the same."""
    names = [run.name for run in runs]
    return [f"{name} ({place})" if names.count(name) > 1 else name for place, name in enumerate(names, 1)]


def _same_questions(a: Finished, b: Finished) -> Benchmark:
    one, other = a.header.what["benchmark"], b.header.what["benchmark"]
    if one != other:
        raise InvalidInput(f"{a.name} is a run of {one} and {b.name} of {other}: compare runs of one benchmark")
    ids = {record.id for record in a.records} ^ {record.id for record in b.records}
    if ids:
        raise InvalidInput(
            f"{len(ids)} questions were asked in one of {a.name} and {b.name} only, {min(ids)!r} for one: "
            "finish both runs, with the same --split, --sample and --seed"
        )
    return benchmark(str(one))
