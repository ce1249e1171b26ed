"""Questions from tables, as a PDF's text layer has them: a label, and figures under years.

A row is a line that ends with several cells. Its label stands before them, or, where it is long, on the lines above.
The years are those of the nearest heading above, in order and each once: what comes after is another kind of column.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rag_reasoner.words import terms
from rag_reasoner_train.rows.pages.asked import Asked

_YEAR = re.compile(r"\b(?:FY ?)?(?:19|20)\d\d\b")
_CELL = r"(?:[-–—]\*?|[Nn]/?[Aa]|[≥≤<>~]?[$€£(-]{0,3}\d[\d,.]*[%)]*)"
_ROW = re.compile(rf"(?P<label>.*?)(?P<cells>(?:(?<!\S){_CELL}(?:\s+|$)){{2,}})(?P<rest>\D*)")
_FIGURE = re.compile(r"[$€£(-]{0,2}\d[\d,.]*[%)]*")
_CODE = re.compile(r"\s*\d+(?:\s?\.\s?\d+)+(?:\s?[A-Z]\b)?\s*")
_STOP = re.compile(r"[.;!?]\s")
_FEWEST_TERMS = 3
_MOST_LABEL_LINES = 6
_MOST_LABEL_WORDS = 20
_FARTHEST = 60
_LONGEST_HEADING = 60
_MOST_OTHER_TERMS = 2
_WIDEST_GAP = 4
_MOST_OTHER_COLUMNS = 2


@dataclass(frozen=True, slots=True)
class _Heading:
    """The years of a heading in reading order, and the line on which the last of them stands."""

    years: tuple[str, ...]
    last: int


def table_questions(text: str) -> Iterator[Asked]:
    """A question for each figure of a row that stands under a year."""
    lines = text.split("\n")
    for number, line in enumerate(lines):
        row = _ROW.fullmatch(line.strip())
        heading = _heading_above(lines, number) if row else None
        if row and heading:
            cells = row["cells"].split()
            label = _label(lines, number, row["label"], heading.last)
            if label and 0 <= len(cells) - len(heading.years) <= _MOST_OTHER_COLUMNS:
                yield from _asked(label, heading.years, cells)


def _asked(label: str, years: Sequence[str], cells: Sequence[str]) -> Iterator[Asked]:
    for year, cell in zip(years, cells, strict=False):
        if _FIGURE.fullmatch(cell) and len(cell.strip("()%$€£-")) > 1:
            yield Asked(f"What is given for {year} as: {label}?", cell, f"{label} {year}")


def _heading_above(lines: Sequence[str], number: int) -> _Heading | None:
    last = next((place for place in _upwards(number) if _is_heading(lines[place])), None)
    if last is None:
        return None
    first = last
    for place in _upwards(last):
        if _is_heading(lines[place]):
            first = place
        elif first - place > _WIDEST_GAP:
            break
    years = _in_order([year for line in lines[first : last + 1] if _is_heading(line) for year in _YEAR.findall(line)])
    return _Heading(tuple(years), last) if len(years) > 1 else None


def _upwards(number: int) -> range:
    return range(number - 1, max(number - _FARTHEST, 0) - 1, -1)


def _is_heading(line: str) -> bool:
    """Whether a line has years and little else."""
    if len(line) > _LONGEST_HEADING or line.rstrip().endswith((".", ",", ";")):
        return False
    return bool(_YEAR.search(line)) and len(terms(_YEAR.sub("", line))) <= _MOST_OTHER_TERMS


def _in_order(years: Sequence[str]) -> list[str]:
    """The first years, as far as they rise or fall by one."""
    numbers = [int(year[-4:]) for year in years]
    step = numbers[1] - numbers[0] if len(numbers) > 1 else 0
    end = 1
    while end < len(numbers) and abs(step) == 1 and numbers[end] - numbers[end - 1] == step:
        end += 1
    return list(years[:end])


def _label(lines: Sequence[str], number: int, label: str, heading: int) -> str:
    """What a row is about; "" where that cannot be told. A long label begins on a line above."""
    parts = [label]
    for place in range(number - 1, max(number - _MOST_LABEL_LINES, heading + 1) - 1, -1):
        above = lines[place].strip()
        if _begins(parts) or _ROW.fullmatch(above) or _CODE.fullmatch(above):
            break
        parts.insert(0, above)
    found = " ".join(_CODE.sub(" ", " ".join(parts), count=1).split()).strip(" .:|")
    return found if _begins([found]) and len(found.split()) <= _MOST_LABEL_WORDS and not _STOP.search(found) else ""


def _begins(parts: Sequence[str]) -> bool:
    """Whether a label is whole: it begins with a number of its own, or with a capital and says enough."""
    text = " ".join(parts).strip()
    numbered = _CODE.match(text)
    bare = text[numbered.end() :] if numbered else text
    return bare[:1].isupper() and (bool(numbered) or len(terms(bare)) >= _FEWEST_TERMS)
