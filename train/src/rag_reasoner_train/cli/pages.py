"""`rag-reasoner-train data pages`: rows whose candidates are pages of PDFs."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from rag_reasoner.cli.build import counting, working
from rag_reasoner.types import Document
from rag_reasoner_train.cli import options
from rag_reasoner_train.cli.exits import EXIT_CODES, guarded
from rag_reasoner_train.rows.pages.build import PageRows, Questions, build_page_rows, questions_by_rule, read_pages
from rag_reasoner_train.rows.pages.rendered import PIXELS
from rag_reasoner_train.rows.pages.taught import questions_by_teacher
from rag_reasoner_train.teacher.client import Endpoint

EXAMPLES = f"""
Examples:

  rag-reasoner-train data pages --data reports --out pages --licence "Works of the US government, public domain"

{EXIT_CODES}
"""


@guarded
def pages(
    data: Annotated[list[Path], typer.Option("--data", help="A folder of PDFs and pictures; may be repeated.")],
    out: options.Out,
    split: options.Split = "train",
    candidates: Annotated[int, typer.Option(min=1, help="So many pages a row.")] = 8,
    per_page: Annotated[int, typer.Option(min=1, help="At most so many questions from one page.")] = 2,
    pixels: Annotated[int, typer.Option(min=4096, help="The most pixels of a page's picture.")] = PIXELS,
    order: options.Order = "retrieval",
    seed: options.Seed = 0,
    skip_bad: options.SkipBad = False,
    licence: options.Licence = None,
    teacher: options.TeacherUrl = None,
    teacher_model: options.TeacherModel = None,
    concurrency: options.Concurrency = 8,
) -> None:
    """Make rows whose candidates are pictures of pages, with questions from tables and captions, or from a teacher."""
    origin = options.origin(data, seed, licence)
    endpoint = options.endpoint(teacher, teacher_model, concurrency)
    with working("reading pages"):
        found, unread = read_pages(origin.folders, skip_bad=skip_bad)
    questions = _taught(found, endpoint, out, split) if endpoint else questions_by_rule(found)
    wanted = PageRows(candidates, per_page, pixels, order, seed)
    with working("drawing pages"):
        built = build_page_rows(found, questions, origin, out, split, wanted, unread if skip_bad else None)
    typer.echo(f"{built.rows} rows of {len(found)} pages written to {out / split}.jsonl, {len(unread)} rejected")


def _taught(pages: Sequence[Document], endpoint: Endpoint, out: Path, split: str) -> Questions:
    with counting("asking the teacher", len(pages)) as advance:
        ledger = out / f"{split}.pages.teacher.jsonl"
        return questions_by_teacher(pages, endpoint, ledger, progress=advance).questions
