"""A result as JSON, and back."""

import hashlib
from dataclasses import replace
from functools import cache

from pydantic import TypeAdapter, ValidationError

from rag_reasoner.errors import InvalidInput
from rag_reasoner.results.result import Result
from rag_reasoner.types import Candidate, Document, Image


@cache
def _adapter() -> TypeAdapter[Result]:
    return TypeAdapter(Result)


def dump(result: Result, indent: int | None = None) -> str:
    light = replace(
        result,
        ranked=tuple(replace(judgement, candidate=_light(judgement.candidate)) for judgement in result.ranked),
        dropped=tuple(replace(dropped, candidate=_light(dropped.candidate)) for dropped in result.dropped),
    )
    return _adapter().dump_json(light, indent=indent, fallback=str).decode()


def load(text: str | bytes) -> Result:
    try:
        return _adapter().validate_json(text)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(map(str, first["loc"])) or "the text"
        raise InvalidInput(f"this is not a Result as JSON: {where}: {first['msg']}") from None


def _light(candidate: Candidate) -> Candidate:
    """Without the words of the page and the bytes of the image."""
    document = candidate.document
    return replace(candidate, document=replace(document, words=(), image=_reference(document)))


def _reference(document: Document) -> Image | None:
    image = document.image
    if image is None:
        return None
    sha256 = image.sha256 or (hashlib.sha256(image.data).hexdigest() if image.data else None)
    return replace(image, data=None, password=None, sha256=sha256)
