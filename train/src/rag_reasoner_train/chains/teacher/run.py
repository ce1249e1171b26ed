"""A split through a teacher: many rows at once, each kept as soon as it is done, written in the order of the rows."""

import asyncio
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path

from rag_reasoner.errors import BackendError
from rag_reasoner.pages import load
from rag_reasoner_train.chains.build import Built, counted, write_rejected
from rag_reasoner_train.chains.chain import Chain
from rag_reasoner_train.chains.check import NoChain
from rag_reasoner_train.chains.files import chains_file, write_chains
from rag_reasoner_train.chains.teacher.client import Endpoint, Refused, Teacher
from rag_reasoner_train.chains.teacher.journal import Journal, journal_file, key_of
from rag_reasoner_train.chains.teacher.lesson import Lesson
from rag_reasoner_train.rows.reading import RowFiles, read_rows
from rag_reasoner_train.rows.row import Row

MOST_REFUSALS = 5
"""So many rows refused in a row mean that the teacher cannot be asked like this at all."""


def build_taught_chains(
    folder: Path,
    out: Path,
    split: str,
    endpoint: Endpoint,
    *,
    attempts: int = 3,
    images: bool = False,
    progress: Callable[[object], None] | None = None,
) -> Built:
    """Write `SPLIT.chains.jsonl` and `SPLIT.chains.rejected.jsonl`; what is known is kept in `SPLIT.teacher.jsonl`.

    After a kill, or where the teacher goes away (BackendError), the same call goes on where it was.
    """
    rows = read_rows(folder, split, images=False)
    key = partial(key_of, model=endpoint.model, folder=folder)
    with Journal(journal_file(out, split)) as journal:
        asyncio.run(_teach(rows, journal, key, endpoint, attempts, images, progress or _nobody))
        built = Built()
        write_chains(chains_file(out, split), counted(_chains(rows, journal, key, built), built))
    write_rejected(out, split, built.rejected)
    return built


def _nobody(_: object) -> None:
    """Nobody watches."""


def _chains(rows: RowFiles, journal: Journal, key: Callable[[Row], str], built: Built) -> Iterator[Chain]:
    for row in rows:
        outcome = journal.outcome(key(row))
        if isinstance(outcome, NoChain):
            built.rejected.append(outcome)
        elif outcome is not None:
            yield outcome


async def _teach(
    rows: Iterable[Row],
    journal: Journal,
    key: Callable[[Row], str],
    endpoint: Endpoint,
    attempts: int,
    images: bool,
    progress: Callable[[object], None],
) -> None:
    """All rows that are not done yet, as many at once as the teacher may be asked at once."""
    left = iter(rows)
    async with Teacher(endpoint, partial(load, image_roots=_roots(rows))) as teacher:
        school = _School(Lesson(teacher.ask, endpoint.model, attempts, images), journal, key, progress)
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(endpoint.concurrency):
                    group.create_task(school.work(left))
        except ExceptionGroup as failures:
            raise failures.exceptions[0] from None


def _roots(rows: Iterable[Row]) -> tuple[Path, ...]:
    return rows.folders if isinstance(rows, RowFiles) else ()


class _School:
    """Takes rows one by one through their lessons."""

    def __init__(
        self, lesson: Lesson, journal: Journal, key: Callable[[Row], str], progress: Callable[[object], None]
    ) -> None:
        self._lesson, self._journal, self._key, self._progress = lesson, journal, key, progress
        self._refusals = 0

    async def work(self, rows: Iterator[Row]) -> None:
        """Take the next row until there is none; several may do so side by side."""
        for row in rows:
            key = self._key(row)
            if self._journal.outcome(key) is None:
                self._journal.finish(key, await self._outcome(row, key))
            self._progress(row)

    async def _outcome(self, row: Row, key: str) -> Chain | NoChain:
        try:
            chain = await self._lesson.chain(row, self._journal.notes(key), partial(self._journal.note, key))
        except NoChain as no_chain:
            return no_chain
        except Refused as refused:
            self._refusals += 1
            if self._refusals >= MOST_REFUSALS:
                raise BackendError(f"{refused}; so it went with {self._refusals} rows one after another") from refused
            return NoChain(row.id, str(refused))
        self._refusals = 0
        return chain
