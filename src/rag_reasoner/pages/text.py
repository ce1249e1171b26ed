"""Text and Markdown files."""

import codecs
from pathlib import Path

from rag_reasoner.errors import Unreadable
from rag_reasoner.types import Document

UTF16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
FALLBACK = "cp1252"
MAX_CONTROL_SHARE = 0.02
WRITTEN_CONTROLS = frozenset("\t\n\r\f\v\x1b")


def read(path: Path) -> Document:
    """The file as one document. What is not Unicode is read as Windows-1252, and says so in `metadata["encoding"]`."""
    text, encoding = _decoded(path.read_bytes(), str(path))
    if _is_binary(text):
        raise Unreadable(str(path), "it is not a text: it holds binary data")
    metadata = {"encoding": encoding} if encoding == FALLBACK else {}
    return Document(id="", text=text.replace("\r\n", "\n"), source=str(path), metadata=metadata)


def _decoded(data: bytes, source: str) -> tuple[str, str]:
    for encoding in ("utf-16",) if data.startswith(UTF16_MARKS) else ("utf-8-sig", FALLBACK):
        try:
            return data.decode(encoding), encoding
        except UnicodeDecodeError:
            continue
    raise Unreadable(source, "it is neither UTF-8 nor Windows-1252: save it as UTF-8")


def _is_binary(text: str) -> bool:
    controls = sum(character < " " and character not in WRITTEN_CONTROLS for character in text)
    return "\x00" in text or controls > MAX_CONTROL_SHARE * len(text)
