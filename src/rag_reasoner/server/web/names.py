"""What uploaded files are called: for people's eyes, never a path."""

import itertools
from collections.abc import Collection

from rag_reasoner.pages.files import KINDS
from rag_reasoner.results.text import printable
from rag_reasoner.server.problems import Problem

_MOST = 120


def shown_name(given: str) -> str:
    """The last part of what a browser calls a file, printable and of bearable length. Raises Problem for nothing."""
    last = printable(given).replace("\n", " ").replace("\t", " ").replace("\\", "/").rsplit("/", 1)[-1].strip()
    if not last:
        raise Problem(422, "no_name", "the file has no name; send it as ?name=report.pdf")
    if len(last) <= _MOST:
        return last
    suffix = suffix_of(last)
    return f"{last[: _MOST - len(suffix) - 1]}…{suffix}"


def suffix_of(name: str) -> str:
    """The end of a name that tells what a file is, out of those that are read. Raises Problem for any other."""
    found = name.lower()
    for suffix in KINDS:
        if found.endswith(suffix):
            return suffix
    raise Problem(415, "unknown_kind", f"files of this kind are not read; these are: {', '.join(KINDS)}")


def one_of_a_kind(name: str, taken: Collection[str]) -> str:
    """`name`, with a number before its end where it is taken: `report (2).pdf`."""
    if name not in taken:
        return name
    suffix = suffix_of(name)
    stem = name[: -len(suffix)]
    return next(other for n in itertools.count(2) if (other := f"{stem} ({n}){name[-len(suffix) :]}") not in taken)
