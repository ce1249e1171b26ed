"""A split through a teacher: many rows at once, each kept as soon as it is done, written in the order of the rows."""

import asyncio
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from rag_reasoner.pages import load
from rag_reasoner_train.chains.build import Built, counted, write_rejected
from rag_reasoner_train.chains.chain import Chain
from rag_reasoner_train.chains.check import NoChain
from rag_reasoner_train.chains.files import chains_file, write_chains
from rag_reasoner_train.chains.taught.journal import Journal, journal_file
from rag_reasoner_train.chains.taught.lesson import Lesson
from rag_reasoner_train.rows.reading import read_rows
from rag_reasoner_train.rows.row import Row
from rag_reasoner_train.teacher.client import Endpoint, Teacher
from rag_reasoner_train.teacher.ledger import Ledger
from rag_reasoner_train.teacher.school import School


@dataclass(frozen=True, slots=True)
class Asking:
    """How a teacher is asked: `attempts` replies to one question at most, with the candidates' images or without."""

    endpoint: Endpoint
    attempts: int = 3
    images: bool = False


def build_taught_chains(
    folder: Path, out: Path, split: str, asking: Asking, progress: Callable[[object], None] = lambda _: None
) -> Built:
    """Write `SPLIT.chains.jsonl` and `SPLIT.chains.rejected.jsonl`; what is known is kept in `SPLIT.teacher.jsonl`.

    After a kill, or where the teacher goes away (BackendError), the same call goes on where it was.
    """
    rows = read_rows(folder, split, images=False)
    built = Built()
    with Ledger(journal_file(out, split)) as ledger:
        journal = Journal(ledger, asking.endpoint.model, folder)
        asyncio.run(_teach(rows, journal, asking, folder, progress))
        write_chains(chains_file(out, split), counted(_chains(rows, journal, built), built))
    write_rejected(out, split, built.rejected)
    return built


def _chains(rows: Iterable[Row], journal: Journal, built: Built) -> Iterator[Chain]:
    for row in rows:
        outcome = journal.outcome(row)
        if isinstance(outcome, NoChain):
            built.rejected.append(outcome)
        elif outcome is not None:
            yield outcome


async def _teach(
    rows: Iterable[Row], journal: Journal, asking: Asking, folder: Path, progress: Callable[[object], None]
) -> None:
    """All rows that are not done yet, as many at once as the teacher may be asked at once."""
    async with Teacher(asking.endpoint, partial(load, image_roots=(folder,))) as teacher:
        lesson = Lesson(teacher.ask, asking.endpoint.model, asking.attempts, asking.images)

        async def learn(row: Row) -> None:
            if journal.outcome(row) is None:
                journal.finish(row, await _outcome(lesson, row, journal))

        school = School(learn, lambda row, refused: journal.finish(row, NoChain(row.id, str(refused))), progress)
        await school.teach(rows, asking.endpoint.concurrency)


async def _outcome(lesson: Lesson, row: Row, journal: Journal) -> Chain | NoChain:
    try:
        return await lesson.chain(row, journal.notes(row), partial(journal.note, row))
    except NoChain as no_chain:
        return no_chain
