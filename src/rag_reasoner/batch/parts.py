"""A large file of questions in parts, each reranked to a file of its own: what is there whole is not done again.

OUT/run.json            what the parts are of
OUT/part-000000.jsonl   a line for each question: its result, or what is wrong with it

A part is written whole or not at all, so a run that was ended, however it was, goes on where it stood.
"""

import hashlib
import json
import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from rag_reasoner.batch.lines import numbered, read_question
from rag_reasoner.batch.requests import Question
from rag_reasoner.errors import BackendError, InvalidInput, RagReasonerError
from rag_reasoner.reranker import ReasoningReranker
from rag_reasoner.results import Result
from rag_reasoner.types import Candidate

RUN = "run.json"

MOST_BEGUN = 3
"""How often the same may be begun. Without an end to it, a question that kills its worker would be asked for ever."""


Numbered = tuple[int, Question]
Ask = Callable[[list[tuple[str, tuple[Candidate, ...]]]], list[Result]]


class Tries:
    """Counts how often each thing was begun in vain."""

    def __init__(self) -> None:
        self._begun: Counter[str] = Counter()

    def begin(self, what: str) -> int:
        """How often `what` was begun since it last ended, this time included."""
        self._begun[what] += 1
        return self._begun[what]

    def end(self, what: str) -> None:
        del self._begun[what]


@dataclass(frozen=True, slots=True)
class Part:
    """`rows` questions at the bytes `start` to `end` of a file; `line` is the number of the first line."""

    number: int
    line: int
    start: int
    end: int
    rows: int

    @property
    def name(self) -> str:
        return f"part-{self.number:06}.jsonl"


@dataclass(frozen=True, slots=True)
class Parted:
    """A file of questions, looked through: its parts, and the SHA-256 of what it holds."""

    parts: tuple[Part, ...]
    sha256: str


def parted(questions: Path, rows: int) -> Parted:
    """The parts of the file, `rows` lines each. Raises InvalidInput where it cannot be read or holds nothing."""
    digest = hashlib.sha256()
    found: list[Part] = []
    try:
        with questions.open("rb") as file:
            while lines := [line for _, line in zip(range(rows), file, strict=False)]:
                start = found[-1].end if found else 0
                full = sum(1 for line in lines if line.strip())
                end = start + sum(map(len, lines))
                found.append(Part(len(found), len(found) * rows + 1, start, end, full))
                for line in lines:
                    digest.update(line)
    except OSError as error:
        told = error.strerror or "cannot be read"
        raise InvalidInput(f"{questions}: {told}; give a .jsonl file of questions with their candidates") from error
    if not any(part.rows for part in found):
        raise InvalidInput(f"{questions} is empty; give a line for each question")
    return Parted(tuple(found), digest.hexdigest())


def begin(out: Path, what: Mapping[str, Any]) -> None:
    """Make the folder, or see that it holds parts of the same. Raises InvalidInput where it does not."""
    out.mkdir(parents=True, exist_ok=True)
    if not (out / RUN).exists():
        write(out / RUN, json.dumps(dict(what), indent=2).encode() + b"\n")
        return
    try:
        there = json.loads((out / RUN).read_bytes())
    except ValueError as error:
        raise InvalidInput(f"{out / RUN} is damaged: give another folder") from error
    if there != dict(what):
        raise InvalidInput(f"{out} holds parts of another file, or made in another way: give another, or delete it")


@contextmanager
def alone(out: Path) -> Iterator[None]:
    """Within, no other run writes into the folder. Raises InvalidInput where one does already."""
    from filelock import FileLock, Timeout

    lock = FileLock(out / ".lock", timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise InvalidInput(f"another run writes into {out}: wait for it, or give another folder") from None
    try:
        yield
    finally:
        lock.release()


def left(out: Path, parts: Sequence[Part]) -> list[Part]:
    """The parts that are not there, or not with all their lines."""
    return [part for part in parts if part.rows and _lines(out / part.name) != part.rows]


def read_part(questions: Path, part: Part) -> list[tuple[int, bytes]]:
    """The part's lines, with their numbers in the file."""
    with questions.open("rb") as file:
        file.seek(part.start)
        content = file.read(part.end - part.start)
    return [(part.line - 1 + number, line) for number, line in numbered(content)]


def reranked(
    lines: Sequence[tuple[int, bytes]],
    reranker: ReasoningReranker,
    *,
    answer: bool,
    at_once: int,
    tries: Tries | None = None,
) -> list[dict[str, Any]]:
    """What becomes of each line, as a value for JSON; what is wrong with one costs no other.

    `tries` outlives whoever dies of a question.
    """
    counted = tries or Tries()
    read = [(number, _question(line)) for number, line in lines]
    good = [(number, one) for number, one in read if isinstance(one, Question)]
    found: dict[int, dict[str, Any]] = {
        number: {"id": None, "error": one} for number, one in read if isinstance(one, str)
    }
    for start in range(0, len(good), at_once):
        found |= _asked(good[start : start + at_once], partial(reranker.rerank_many, answer=answer), counted)
    return [{"line": number, **found[number]} for number, _ in read]


def results(out: Path) -> Iterator[dict[str, Any]]:
    """Every line of all parts that are there, in the questions' order."""
    for file in sorted(out.glob("part-*.jsonl")):
        with file.open("rb") as lines:
            yield from map(json.loads, lines)


def write(file: Path, content: bytes) -> None:
    """Whole or not at all, and on the disk when this returns."""
    beside = file.with_suffix(".new")
    with beside.open("wb") as new:
        new.write(content)
        new.flush()
        os.fsync(new.fileno())
    beside.replace(file)


def _question(line: bytes) -> Question | str:
    """The question, or what is wrong with the line."""
    try:
        return read_question(line)
    except InvalidInput as error:
        return str(error)


def _asked(some: Sequence[Numbered], ask: Ask, tries: Tries) -> dict[int, dict[str, Any]]:
    """Results of questions asked together, or one by one where that cannot be, or has killed who asked."""
    what = f"{some[0][0]}+{len(some)}"
    try:
        if tries.begin(what) > MOST_BEGUN:
            raise BackendError(f"the worker died {MOST_BEGUN} times while it was asked")
        found = _told(some, ask([(one.query, one.candidates) for _, one in some]))
    except RagReasonerError as error:
        found = _apart(some, ask, tries, error)
    tries.end(what)
    return found


def _apart(some: Sequence[Numbered], ask: Ask, tries: Tries, error: RagReasonerError) -> dict[int, dict[str, Any]]:
    if len(some) == 1:
        ((number, one),) = some
        return {number: {"id": one.id, "error": str(error)}}
    return {number: found for one in some for number, found in _asked([one], ask, tries).items()}


def _told(some: Sequence[Numbered], results: Sequence[Result]) -> dict[int, dict[str, Any]]:
    told = (json.loads(result.to_json()) for result in results)
    return {number: {"id": one.id, **result} for (number, one), result in zip(some, told, strict=True)}


def _lines(file: Path) -> int:
    return file.read_bytes().count(b"\n") if file.exists() else 0
