"""Our rerankers in mteb's reranking tasks, so that others can run published numbers again.

import mteb
from rag_reasoner import ReasoningReranker
from rag_reasoner.evaluate.mteb import ForMteb

model = ForMteb(ReasoningReranker(), "rag-reasoner/default")
mteb.evaluate(model, mteb.get_tasks(tasks=["AskUbuntuDupQuestions"]))
"""

from collections.abc import Mapping, Sequence
from io import BytesIO
from typing import Any

from rag_reasoner import __version__
from rag_reasoner.errors import InvalidInput, MissingExtra
from rag_reasoner.reranker import ReasoningReranker
from rag_reasoner.results import Result
from rag_reasoner.types import Document, Dropped, Image, Judgement


class ForMteb:
    """mteb's search protocol over the candidates that a reranking task brings. `name` is "organisation/model"."""

    def __init__(self, reranker: ReasoningReranker, name: str, revision: str = __version__) -> None:
        self._reranker, self._name, self._revision = reranker, name, revision
        self._corpus: Any = None
        self._places: Mapping[str, int] = {}

    @property
    def mteb_model_meta(self) -> Any:
        """What mteb files the results under."""
        try:
            from mteb.models.model_meta import ModelMeta
        except ImportError as error:
            raise MissingExtra("mteb's tasks", "mteb") from error
        modalities = ["text", "image"] if self._reranker.reads_images else ["text"]
        told = {
            "name": self._name,
            "revision": self._revision,
            "model_type": ["cross-encoder"],
            "modalities": modalities,
        }
        return ModelMeta.create_empty(overwrites=told)

    def index(self, corpus: Any, **_: Any) -> None:
        """Remember where each document is; a document is read when it is a candidate."""
        self._corpus = corpus
        self._places = {one: place for place, one in enumerate(corpus["id"])}

    def search(
        self, queries: Any, *, top_k: int, top_ranked: Mapping[str, Sequence[str]] | None = None, **_: Any
    ) -> dict[str, dict[str, float]]:
        """For every query that has candidates, their ids with scores that say what our order says."""
        if top_ranked is None:
            raise InvalidInput(
                "a reranker needs candidates: run reranking tasks, or set top_ranked on a retrieval task"
            )
        return {
            row["id"]: self._scores(row, top_ranked[row["id"]], top_k) for row in queries if row["id"] in top_ranked
        }

    def _scores(self, row: Mapping[str, Any], ids: Sequence[str], top_k: int) -> dict[str, float]:
        if not ids:
            return {}
        documents = [_document(self._corpus[self._places[one]]) for one in ids]
        order = _order(self._reranker.rerank(_question(row), documents))
        return {one: 1 / place for place, one in enumerate(order[:top_k], 1)}


def _order(result: Result) -> list[str]:
    judged: list[Judgement | Dropped] = [*result.ranked, *result.dropped]
    return [one.candidate.document.id for one in judged]


def _question(row: Mapping[str, Any]) -> str:
    """The query's text, after the task's instruction where it has one."""
    if not row.get("text"):
        raise InvalidInput(f"query {row['id']!r} has no text: tasks that ask by image or audio are not for a reranker")
    return " ".join(filter(None, (row.get("instruction"), row["text"])))


def _document(row: Mapping[str, Any]) -> Document:
    return Document(
        str(row["id"]), str(row.get("text") or row.get("body") or ""), _image(row), title=str(row.get("title") or "")
    )


def _image(row: Mapping[str, Any]) -> Image | None:
    picture = row.get("image")
    if picture is None:
        return None
    buffer = BytesIO()
    picture.convert("RGB").save(buffer, "PNG")
    return Image(data=buffer.getvalue())
