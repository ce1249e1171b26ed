"""Candidates from a JSON-lines file: untrusted, so every line is checked, and a bad one costs only itself."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from rag_reasoner.errors import InvalidInput
from rag_reasoner.types import Document, Fault, Image


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
    """The candidates of the file, and a fault for each line that is none.

    Raises InvalidInput where the file cannot be read or has no candidate at all.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except OSError as error:
        raise InvalidInput(f"{path}: {error.strerror or 'cannot be read'}; give a .jsonl file of candidates") from error
    except UnicodeDecodeError as error:
        raise InvalidInput(f"{path}: not UTF-8 at byte {error.start}; save it as UTF-8") from error
    documents: list[Document] = []
    faults: list[Fault] = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            documents.append(Line.model_validate_json(line).document())
        except ValidationError as error:
            first = error.errors(include_input=False, include_url=False)[0]
            where = ".".join(map(str, first["loc"]))
            faults.append(
                Fault("unread", f"line {number}: {where + ': ' if where else ''}{first['msg']}", source=str(path))
            )
    if not documents:
        reason = faults[0].detail if faults else "the file is empty"
        raise InvalidInput(f'{path} has no candidate: {reason}; a line is {{"id": "a", "text": "..."}}')
    return documents, faults
