"""A row as a line of JSON: untrusted, so everything about it is checked."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from rag_reasoner.types import Document, Image
from rag_reasoner_train.errors import BadRow
from rag_reasoner_train.rows.row import Row

_LONGEST_VALUE = 80

Id = Annotated[str, Field(min_length=1)]


class _Line(BaseModel):
    model_config = ConfigDict(extra="allow", coerce_numbers_to_str=True, allow_inf_nan=False)


class _Candidate(_Line):
    """`image` is a path below the folder of the rows; a page of a PDF has its number in `page`, from 1."""

    id: Id
    title: str = ""
    text: str = ""
    image: str | None = None
    page: int | None = Field(default=None, ge=1)
    source: str | None = None


class _RowLine(_Line):
    id: Id
    question: str
    answers: tuple[str, ...] = ()
    candidates: tuple[_Candidate, ...]
    relevant: dict[str, float] = Field(default_factory=dict)

    @field_validator("relevant", mode="before")
    @classmethod
    def _graded(cls, given: Any) -> Any:
        """A list of ids gives each the grade 1."""
        if not isinstance(given, list):
            return given
        if twice := _twice(str(one) for one in given):
            raise ValueError(f"names {twice!r} twice")
        return {str(one): 1.0 for one in given}


def read_line(line: bytes, folder: Path, where: str) -> Row:
    """The row of a line, its images looked for in `folder`. Raises BadRow, which says what is wrong, with the value."""
    try:
        found = _RowLine.model_validate_json(line)
    except ValidationError as error:
        raise BadRow(where, _id_in(line), _first(error)) from error
    if reason := _problem(found):
        raise BadRow(where, found.id, reason)
    return Row(
        id=found.id,
        question=found.question.strip(),
        candidates=tuple(_document(one, folder) for one in found.candidates),
        relevant=found.relevant,
        answers=found.answers,
        extra=found.model_extra or {},
    )


def _first(error: ValidationError) -> str:
    first = error.errors(include_url=False)[0]
    if first["type"] == "json_invalid":
        return f"it is not JSON: {first['msg']}"
    place = ".".join(str(part) for part in first["loc"])
    value = "" if first["type"] == "missing" else f": {_short(first['input'])}"
    return f"{place}: {first['msg']}{value}"


def _short(value: Any) -> str:
    shown = repr(value)
    return shown if len(shown) <= _LONGEST_VALUE else f"{shown[:_LONGEST_VALUE]}…"


def _id_in(line: bytes) -> str:
    """The id of a line that is no row, where it has one."""
    try:
        return str(_OnlyId.model_validate_json(line).id)
    except ValidationError:
        return ""


class _OnlyId(_Line):
    id: Id


def _problem(found: _RowLine) -> str | None:
    """What is wrong with a row whose fields are all there."""
    ids = [one.id for one in found.candidates]
    if not found.question.strip():
        return f"the question is empty: {found.question!r}"
    if not ids:
        return "there is no candidate"
    if twice := _twice(ids):
        return f"two candidates have the id {twice!r}"
    if strangers := sorted(found.relevant.keys() - set(ids)):
        return f"relevant id {strangers[0]!r} is not among the candidates"
    return _bad_grade(found.relevant) or _bad_answer(found) or _bad_candidate(found.candidates)


def _bad_grade(relevant: Mapping[str, float]) -> str | None:
    bad = next((one for one, grade in relevant.items() if not (grade > 0 and math.isfinite(grade))), None)
    return None if bad is None else f"the grade of {bad!r} is {relevant[bad]}: it must be above 0; leave out the others"


def _bad_answer(found: _RowLine) -> str | None:
    if any(not answer.strip() for answer in found.answers):
        return f"an answer is empty: {_short(list(found.answers))}"
    if found.answers and not found.relevant:
        return "it has answers, but no relevant candidate; without answers it teaches that the documents do not say"
    return None


def _bad_candidate(candidates: Iterable[_Candidate]) -> str | None:
    for one in candidates:
        if one.image is None and not one.text.strip():
            return f"candidate {one.id!r} has neither text nor image"
        if one.image is not None and not _stays_below(one.image):
            return f"the image of candidate {one.id!r} must be a path below the folder of the rows, not {one.image!r}"
    return None


def _stays_below(path: str) -> bool:
    parts = PurePosixPath(path).parts
    return bool(parts) and ".." not in parts and not path.startswith(("/", "~", "\\")) and ":" not in path


def _twice(ids: Iterable[str]) -> str | None:
    return next((one for one, count in Counter(ids).items() if count > 1), None)


def _document(found: _Candidate, folder: Path) -> Document:
    return Document(
        id=found.id,
        text=found.text,
        image=_image(found, folder) if found.image else None,
        source=found.source,
        page=found.page,
        title=found.title,
        metadata=found.model_extra or {},
    )


def _image(found: _Candidate, folder: Path) -> Image:
    path = str(folder / str(found.image))
    return Image(path, page=found.page if path.lower().endswith(".pdf") else None)


def as_line(row: Row, folder: Path) -> dict[str, Any]:
    """`row` as JSON values, its images as paths below `folder`. `read_line` reads it back."""
    return {
        "id": row.id,
        "question": row.question,
        "answers": list(row.answers),
        "candidates": [_as_candidate(one, folder) for one in row.candidates],
        "relevant": _as_relevant(row.relevant),
        **row.extra,
    }


def _as_relevant(relevant: Mapping[str, float]) -> list[str] | dict[str, float]:
    return dict(relevant) if any(grade != 1 for grade in relevant.values()) else list(relevant)


def _as_candidate(document: Document, folder: Path) -> dict[str, Any]:
    image = document.image.path if document.image else None
    found = {
        "id": document.id,
        "title": document.title,
        "text": document.text,
        "image": Path(image).relative_to(folder).as_posix() if image else None,
        "page": document.page,
        "source": document.source,
    }
    return {name: value for name, value in found.items() if value or name in ("id", "text")} | dict(document.metadata)
