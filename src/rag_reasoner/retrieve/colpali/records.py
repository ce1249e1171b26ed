"""A page as a store keeps it: its id, what its vectors were made from, and the page itself as JSON."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic_core import PydanticSerializationError

from rag_reasoner.errors import InvalidInput, Unreadable
from rag_reasoner.retrieve.store.base import DOCUMENT
from rag_reasoner.types import Document

PAGE, ROWS, COLUMNS = "page", "rows", "columns"
"""What a payload holds beside its document: the page without its password, and how its cells are arranged."""

_PAGES = TypeAdapter(
    list[Document], config=ConfigDict(ser_json_bytes="base64", val_json_bytes="base64", extra="forbid")
)
_SECRET = {"__all__": {"image": {"password"}}}


@dataclass(frozen=True, slots=True)
class Record:
    """A document with its id in the store, and the hash that says whether the store's page is still it."""

    id: str
    content_hash: str
    document: Document


def records(documents: Iterable[Document]) -> Iterator[Record]:
    """`documents` with their ids; one whose id has come before gets a number, "~2"."""
    seen: Counter[str] = Counter()
    for document in documents:
        name = page_id(document)
        seen[name] += 1
        unlike = name if seen[name] == 1 else f"{name}~{seen[name]}"
        yield Record(unlike, content_hash(document), document)


def owner(document: Document) -> str:
    """What a page belongs to, by which a store forgets pages: its file; itself where it is of none."""
    return document.source if document.source is not None else document.id


def page_id(document: Document) -> str:
    """What tells pages apart: source and page; the id where there is no page, or no source."""
    if document.source is None:
        return document.id
    place = f"p{document.page}" if document.page is not None else document.id
    return f"{document.source}#{place}"


def content_hash(document: Document) -> str:
    """SHA-256 of what is shown and what is kept of a page: where it changes, the page is encoded again."""
    image = document.image
    seen = hashlib.sha256()
    if image is not None:
        data = hashlib.sha256(image.data).hexdigest() if image.data is not None else ""
        for part in (image.sha256, image.path if image.sha256 is None else "", image.url, image.page, data):
            seen.update(f"{part}\n".encode())
    seen.update(f"{document.title}\n{document.text}".encode("utf-8", "surrogatepass"))
    return seen.hexdigest()


def payload(document: Document, rows: int, columns: int) -> dict[str, Any]:
    """The page as a store keeps it beside its vectors. Raises InvalidInput for metadata that JSON cannot hold."""
    try:
        (page,) = _PAGES.dump_python([document], mode="json", exclude=_SECRET)
    except PydanticSerializationError as error:
        raise InvalidInput(f"the metadata of {document.id!r} cannot be kept as JSON: {error}") from error
    return {DOCUMENT: owner(document), PAGE: page, ROWS: rows, COLUMNS: columns}


def document_of(kept: Mapping[str, Any], name: str) -> Document:
    """The page that `payload` was made of. Raises Unreadable where a store holds something else."""
    try:
        (page,) = _PAGES.validate_json(json.dumps([kept[PAGE]]))
    except (KeyError, TypeError, ValidationError) as error:
        raise Unreadable(name, "the store holds something that is no page of ours; index it anew") from error
    return page
