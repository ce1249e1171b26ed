"""The card of a data set: what it holds, where it is from, and the command that made it."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median, quantiles

from rag_reasoner.evaluate.markdown import facts, table
from rag_reasoner_train.errors import BadRow
from rag_reasoner_train.rows.balance import bucket
from rag_reasoner_train.rows.row import SET, Row

_LICENCE_FILES = ("LICEN[CS]E*", "ATTRIBUTION*", "NOTICE*", "README*")
_LICENCE_LINE = re.compile(r"licen[cs]e|\bCC[ -]BY|public domain|attribution", re.IGNORECASE)
_MOST_LINES = 12
_MOST_READ = 1 << 16

_COLUMNS = (
    "set",
    "rows",
    "unanswerable",
    "candidates a row",
    "relevant a row",
    "words a document",
    "words a row, median",
    "words a row, 95 %",
    "images",
)


@dataclass(frozen=True, slots=True)
class Origin:
    """Where the rows are from and how they were made."""

    command: str
    seed: int
    folders: tuple[Path, ...] = ()
    licences: tuple[str, ...] = ()


class Tally:
    """Counts rows that go by."""

    def __init__(self) -> None:
        self._sizes: defaultdict[str, list[_Size]] = defaultdict(list)
        self.resolutions: Counter[int] = Counter()

    def __call__(self, rows: Iterable[Row]) -> Iterator[Row]:
        for row in rows:
            self._sizes[str(row.extra.get(SET, ""))].append(_size(row))
            self.resolutions[bucket(row)[2]] += 1
            yield row

    @property
    def rows(self) -> int:
        return sum(map(len, self._sizes.values()))

    def table(self) -> str:
        """A line a set."""
        return table(_COLUMNS, [_line(name, sizes) for name, sizes in sorted(self._sizes.items())])


@dataclass(frozen=True, slots=True)
class _Size:
    answerable: bool
    relevant: int
    words: tuple[int, ...]
    images: int


def _size(row: Row) -> _Size:
    words = tuple(len(one.text.split()) for one in row.candidates)
    images = sum(one.image is not None for one in row.candidates)
    return _Size(row.answerable, len(row.relevant), words, images)


def _line(name: str, sizes: Sequence[_Size]) -> list[str]:
    rows = len(sizes)
    documents = [words for size in sizes for words in size.words]
    whole = [sum(size.words) for size in sizes]
    figures = (
        f"{rows:,}",
        f"{sum(not size.answerable for size in sizes):,}",
        f"{len(documents) / rows:.1f}",
        f"{sum(size.relevant for size in sizes) / rows:.2f}",
        f"{median(documents):.0f}",
        f"{median(whole):,.0f}",
        f"{_percentile(whole, 95):,.0f}",
        f"{sum(size.images for size in sizes):,}",
    )
    return [name or "–", *figures]


def _percentile(values: Sequence[int], percent: int) -> float:
    return quantiles(values, n=100, method="inclusive")[percent - 1] if len(values) > 1 else float(values[0])


def card(split: str, tally: Tally, rejected: Sequence[BadRow], origin: Origin) -> str:
    """The card, in Markdown."""
    parts = [
        f"# Rows of the split `{split}`",
        facts(_origin(tally, rejected, origin)),
        tally.table() if tally.rows else "There is no row.",
        _resolutions(tally.resolutions),
        _rejections(rejected),
        "## Licences\n\n" + "\n".join(f"- {line}" for line in _licences(origin)),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _origin(tally: Tally, rejected: Sequence[BadRow], origin: Origin) -> Iterator[tuple[str, str]]:
    yield "rows", f"{tally.rows:,}"
    yield "rejected", f"{len(rejected):,}"
    yield "made from", ", ".join(str(folder) for folder in origin.folders)
    yield "seed", str(origin.seed)
    yield "command", f"`{origin.command}`"


def _resolutions(counts: Counter[int]) -> str:
    """How many rows have images of which size; nothing where none has any."""
    if not any(counts):
        return ""
    named = [(_megapixels(one), f"{count:,}") for one, count in sorted(counts.items())]
    return "## Largest image of a row\n\n" + table(("megapixels", "rows"), named)


def _megapixels(resolution: int) -> str:
    return f"up to {2.0 ** (resolution - 3):g}" if resolution else "no image"


def _rejections(rejected: Sequence[BadRow]) -> str:
    if not rejected:
        return ""
    kinds = Counter(re.sub(r"'.*'|\d+", "…", bad.reason) for bad in rejected)
    return "## Rejected rows\n\n" + table(("reason", "rows"), [(why, str(n)) for why, n in kinds.most_common()])


def _licences(origin: Origin) -> list[str]:
    """What was said of the licences, and what the folders' own files say."""
    found = [*origin.licences, *(line for folder in origin.folders for line in _own_words(folder))]
    return found or ["not stated: give `--licence`, or put a LICENSE or ATTRIBUTION file into the folder of the rows"]


def _own_words(folder: Path) -> Iterator[str]:
    found = {file for pattern in _LICENCE_FILES for file in folder.glob(pattern)}
    for file in sorted(one for one in found if one.is_file() and not one.is_symlink()):
        with file.open(encoding="utf-8", errors="replace") as text:
            lines = text.read(_MOST_READ).splitlines()
        telling = [" ".join(line.split()) for line in lines if _LICENCE_LINE.search(line)]
        yield from (f"{folder.name}/{file.name}: {line.lstrip('#-* ')}" for line in telling[:_MOST_LINES])
