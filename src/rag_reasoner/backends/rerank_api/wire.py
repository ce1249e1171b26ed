"""Requests and replies of `/rerank` as pure functions. A score belongs to the document that its `index` names."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from rag_reasoner.backends.base import Judged
from rag_reasoner.backends.http.retry import Kind, Trouble
from rag_reasoner.backends.rerank_api.dialects import Shape
from rag_reasoner.tasks.shown import Shown
from rag_reasoner.types import Fault, Image, Usage

ImageUrl = Callable[[Image], str]


def request(shape: Shape, model: str, query: str, documents: Sequence[Shown], image_url: ImageUrl) -> dict[str, Any]:
    """The body that asks for the scores of all `documents`."""
    body: dict[str, Any] = {"model": model} if shape.names_model else {}
    body |= {"query": query, shape.listing: [_document(one, shape, image_url) for one in documents]}
    if shape.asks_all:
        body[shape.asks_all] = len(documents)
    if shape.silent:
        body["return_documents"] = False
    if not shape.names_model:
        body |= {"truncate": True}
    return body


def read(said: Any, shape: Shape, count: int) -> list[Judged]:
    """The score of each of `count` documents, or its fault. Raises Trouble where the reply is no list of scores."""
    results = said if shape.bare else said.get("results") if isinstance(said, dict) else None
    if not isinstance(results, list):
        raise Trouble(Kind.MALFORMED, "the server's reply has no list of scores")
    mentions: dict[int, list[Any]] = {}
    strays = 0
    for one in results:
        index = one.get("index") if isinstance(one, dict) else None
        if isinstance(index, int) and not isinstance(index, bool) and 0 <= index < count:
            mentions.setdefault(index, []).append(one.get(shape.score))
        else:
            strays += 1
    usage = _usage(said, count)
    return [_judged(mentions.get(place, ()), shape, strays, usage[place]) for place in range(count)]


def _judged(scores: Sequence[Any], shape: Shape, strays: int, usage: Usage) -> Judged:
    if len(scores) != 1:
        beside = f", and {strays} scores for documents that were not sent" if strays else ""
        what = f"{len(scores)} scores for one document" if scores else f"no score for this document{beside}"
        return Judged(None, Fault("backend_error", f"the server gave {what}"), usage)
    value = _number(scores[0])
    if value is None or not math.isfinite(value):
        return Judged(None, Fault("backend_error", "the server gave a score that is no number"), usage)
    if not shape.raw and not 0 <= value <= 1:
        detail = f"the server gave the score {value:g}, outside 0..1: set raw_scores=True"
        return Judged(None, Fault("backend_error", detail), usage)
    return Judged(squashed(value) if shape.raw else value, usage=usage)


def squashed(score: float) -> float:
    """Any number as one between 0 and 1, in the same order; unlike a sigmoid, large scores stay apart."""
    return (1 + score / (1 + abs(score))) / 2


def _number(value: Any) -> float | None:
    try:
        return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
    except OverflowError:
        return None


def _usage(said: Any, count: int) -> list[Usage]:
    """What the request took, booked to its first document; it is one call for all of them."""
    given: Mapping[str, Any] = said if isinstance(said, dict) and isinstance(said.get("usage"), dict) else {"usage": {}}
    tokens = given["usage"].get("total_tokens")
    whole = tokens if isinstance(tokens, int) and not isinstance(tokens, bool) and tokens >= 0 else 0
    return [Usage(1, whole), *[Usage()] * (count - 1)] if count else []


def _document(shown: Shown, shape: Shape, image_url: ImageUrl) -> Any:
    text = "\n".join(part for part in (shown.title, shown.text) if part)
    if shown.image is None or shape.images is None:
        return text or " "
    url = image_url(shown.image)
    if shape.images == "jina":
        return {"image": url.partition(",")[2]}
    pictured = {"type": "image_url", "image_url": {"url": url}}
    return {"content": [{"type": "text", "text": text}, pictured] if text else [pictured]}
