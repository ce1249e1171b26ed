"""Candidates from a JSON-lines file; a bad line costs only itself."""

from pathlib import Path

from rag_reasoner.batch.lines import CANDIDATE, numbered, read_candidate
from rag_reasoner.errors import InvalidInput
from rag_reasoner.types import Document, Fault


def read_candidates(path: Path) -> tuple[list[Document], list[Fault]]:
    """The candidates of the file, and a fault for each line that is none, or for a file that has none.

    Raises InvalidInput where the file cannot be read.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InvalidInput(f"{path}: {error.strerror or 'cannot be read'}; give a .jsonl file of candidates") from error
    found = [_read_line(number, line) for number, line in numbered(content)]
    faults = [Fault("unread", one, source=str(path)) for one in found if isinstance(one, str)]
    if not found:
        faults.append(Fault("unread", f"the file is empty; a line is {CANDIDATE}", source=str(path)))
    return [one for one in found if isinstance(one, Document)], faults


def _read_line(number: int, line: bytes) -> Document | str:
    """The candidate, or what is wrong with the line."""
    try:
        return read_candidate(line)
    except InvalidInput as error:
        return f"line {number}: {error}"
