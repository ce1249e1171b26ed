"""The shapes of `/rerank`: a closed table."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Name = Literal["cohere", "cohere_v1", "jina", "vllm", "sglang", "tei", "infinity", "llamacpp"]


@dataclass(frozen=True, slots=True)
class Shape:
    """What a request and a reply look like.

    `listing` names the field of the documents, `score` that of a score; `bare`: the reply is the list itself.
    `images`: how an image document is written, if at all. `raw`: scores may be any number. `most`: documents a request.
    `asks_all`: the field that asks for all scores, not only the best.
    """

    path: str
    listing: str = "documents"
    score: str = "relevance_score"
    bare: bool = False
    names_model: bool = True
    images: Literal["jina", "parts"] | None = None
    raw: bool = False
    most: int = 100
    asks_all: str | None = "top_n"
    silent: bool = False


SHAPES: Mapping[Name, Shape] = {
    "cohere": Shape("/v2/rerank", most=1000),
    "cohere_v1": Shape("/v1/rerank", most=1000, silent=True),
    "jina": Shape("/v1/rerank", images="jina", silent=True),
    "vllm": Shape("/v1/rerank", images="parts"),
    "sglang": Shape("/v1/rerank", score="score", bare=True, raw=True, asks_all=None),
    "tei": Shape("/rerank", "texts", "score", bare=True, names_model=False, most=32, asks_all=None),
    "infinity": Shape("/rerank", silent=True),
    "llamacpp": Shape("/v1/rerank", raw=True),
}
