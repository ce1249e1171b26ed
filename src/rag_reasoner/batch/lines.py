"""Lines of JSON that hold candidates, or questions with candidates: untrusted, so every line is checked."""

from codecs import BOM_UTF8

from pydantic import BaseModel, ConfigDict, ValidationError

from rag_reasoner.batch.requests import Question
from rag_reasoner.candidates import as_candidates, checked_query
from rag_reasoner.errors import InvalidInput
from rag_reasoner.types import Document, Image

CANDIDATE = '{"id": "a", "text": "..."}'
_QUESTION = f'{{"id": "q1", "question": "...", "candidates": [{CANDIDATE}]}}'


class _Candidate(BaseModel):
    """`image` is a path; other fields are kept as metadata."""

    model_config = ConfigDict(extra="allow", coerce_numbers_to_str=True)

    id: str
    text: str = ""
    title: str = ""
    image: str | None = None
    page: int | None = None
    source: str | None = None

    def document(self) -> Document:
        image = Image(path=self.image) if self.image else None
        metadata = self.model_extra or {}
        return Document(self.id, self.text, image, self.source, self.page, self.title, metadata=metadata)


class _Question(BaseModel):
    model_config = ConfigDict(extra="forbid", coerce_numbers_to_str=True)

    id: str
    question: str
    candidates: list[_Candidate]


def numbered(content: bytes) -> list[tuple[int, bytes]]:
    """The lines that hold something, counted from 1.

    They end at newlines only: str.splitlines would also break at the line separators that JSON texts may hold.
    """
    lines = enumerate(content.removeprefix(BOM_UTF8).split(b"\n"), 1)
    return [(number, line) for number, line in lines if line.strip()]


def read_candidate(line: bytes) -> Document:
    """The candidate of a line. Raises InvalidInput that says what is wrong, without the line's text."""
    try:
        return _Candidate.model_validate_json(line).document()
    except ValidationError as error:
        raise _wrong(error, CANDIDATE) from None


def read_question(line: bytes) -> Question:
    """The question of a line. Raises InvalidInput that says what is wrong, without the line's text."""
    try:
        said = _Question.model_validate_json(line)
    except ValidationError as error:
        raise _wrong(error, _QUESTION) from None
    documents = (one.document() for one in said.candidates)
    return Question(said.id, checked_query(said.question), as_candidates(documents))


def _wrong(error: ValidationError, example: str) -> InvalidInput:
    first = error.errors(include_input=False, include_url=False)[0]
    where = "".join(f"{part}: " for part in first["loc"])
    return InvalidInput(f"{where}{first['msg']}; a line is {example}")
