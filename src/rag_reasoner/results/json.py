"""A result as JSON, and back."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from math import isfinite
from typing import Any

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
    return json.dumps(
        _plain(_adapter().dump_python(light, warnings=False)), ensure_ascii=False, allow_nan=False, indent=indent
    )


def _plain(value: object) -> Any:
    """`value` as JSON knows it, and as any reader of JSON takes it: metadata may hold anything."""
    match value:
        case None | bool() | int():
            return value
        case float():
            return value if isfinite(value) else str(value)
        case bytes() | bytearray():
            return f"<{len(value)} bytes>"
        case Mapping():
            return {_text(key): _plain(one) for key, one in value.items()}
        case list() | tuple() | set() | frozenset():
            return [_plain(one) for one in value]
        case _:
            return _text(value)


def _text(value: object) -> str:
    """`str(value)`, with a question mark for what cannot be written as UTF-8: half of a pair of surrogates."""
    return str(value).encode("utf-8", "replace").decode("utf-8")


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
