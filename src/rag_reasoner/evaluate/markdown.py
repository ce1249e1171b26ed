"""Markdown tables."""

from collections.abc import Iterable, Sequence


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of numbers: the columns after the first are set flush right."""
    return _joined([head, ["---", *["---:"] * (len(head) - 1)], *rows])


def facts(rows: Iterable[Sequence[str]]) -> str:
    """A table of names and what they stand for."""
    return _joined([("", ""), ("---", "---"), *rows])


def _joined(lines: Iterable[Sequence[str]]) -> str:
    return "\n".join("| " + " | ".join(map(cell, line)) + " |" for line in lines)


def cell(text: str) -> str:
    """`text` as it may stand in a cell: on one line, without a bar of its own."""
    return " ".join(text.split()).replace("|", "\\|")


def number(value: float | None) -> str:
    """A figure with three decimals; a dash where there is none."""
    return "–" if value is None else f"{value:.3f}"
