"""Candidates from a JSON-lines file: untrusted, so every line is checked, and a bad one costs only itself."""

from codecs import BOM_UTF8
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from rag_reasoner.errors import InvalidInput
from rag_reasoner.types import Document, Fault, Image

_EXAMPLE = 'a line is {"id": "a", "text": "..."}'


class Line(BaseModel):
    """One candidate. `image` is a path; other fields are kept as metadata."""

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


def read_candidates(path: Path) -> tuple[list[Document], list[Fault]]:
    """The candidates of the file, and a fault for each line that is none, or for a file that has none.

    Raises InvalidInput where the file cannot be read.
    """
    try:
        content = path.read_bytes().removeprefix(BOM_UTF8)
    except OSError as error:
        raise InvalidInput(f"{path}: {error.strerror or 'cannot be read'}; give a .jsonl file of candidates") from error
    # Lines end at newlines only: str.splitlines would also break at the line separators that JSON texts may hold.
    lines = [(number, line) for number, line in enumerate(content.split(b"\n"), 1) if line.strip()]
    found = [_read_line(number, line) for number, line in lines]
    faults = [Fault("unread", one, source=str(path)) for one in found if isinstance(one, str)]
    if not lines:
        faults.append(Fault("unread", f"the file is empty; {_EXAMPLE}", source=str(path)))
    return [one for one in found if isinstance(one, Document)], faults


def _read_line(number: int, line: bytes) -> Document | str:
    """The candidate, or what is wrong with the line."""
    try:
        return Line.model_validate_json(line).document()
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = "".join(f"{part}: " for part in first["loc"])
        return f"line {number}: {where}{first['msg']}; {_EXAMPLE}"
