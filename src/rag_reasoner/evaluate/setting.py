"""How a benchmark is run: which stages, which model. The papers' ablations are settings."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random
from typing import Literal

from rag_reasoner.backends.load import Named, Server
from rag_reasoner.candidates import from_one_up
from rag_reasoner.evaluate.record import Sources
from rag_reasoner.evaluate.row import Row
from rag_reasoner.reranker import ReasoningReranker, Stage
from rag_reasoner.retrieve.lexical import LexicalRetriever
from rag_reasoner.stages.keep import Keep
from rag_reasoner.tasks import Format
from rag_reasoner.types import Candidate

FirstStage = Literal["given", "random", "lexical"]


@dataclass(frozen=True, slots=True)
class Setting:
    """What makes one column of a table.

    `first_stage` orders a row's own candidates and passes the first `fetch_k` on, all of them where it is None. Then
    the model filters, ranks and answers; the answer is part of the ranking's reply, so there is none without it.
    `server` is where the model is asked, if it is not here.
    """

    model: str | None = None
    filter_model: str | None = None
    first_stage: FirstStage = "lexical"
    fetch_k: int | None = None
    filter: bool = True
    rank: bool = True
    answer: bool = True
    keep: Keep = "auto"
    shuffles: int = 1
    seed: int = 0
    sources: Sources = field(default_factory=Sources)
    server: Server | None = None
    format: Format | None = None

    def __post_init__(self) -> None:
        if self.fetch_k is not None:
            from_one_up("fetch_k", self.fetch_k)

    @property
    def answers(self) -> bool:
        """Whether the model is asked for an answer."""
        return self.answer and self.rank

    def reranker(self, images: Path) -> ReasoningReranker:
        """The reranker of this setting, which reads pictures under `images`; without a stage it loads no model."""
        chosen: Mapping[Stage, bool] = {"filter": self.filter, "rank": self.rank}
        stages = [stage for stage, wanted in chosen.items() if wanted]
        return ReasoningReranker(
            self._model(images) if stages else "lexical",
            format=self.format,
            filter_model=self.filter_model if self.filter else None,
            keep=self.keep if self.rank else "all",
            stages=stages,
            image_roots=[images],
            shuffles=self.shuffles,
            seed=self.seed,
            on_error="raise",  # a model that cannot be asked must not become a figure; the run goes on later
        )

    def _model(self, images: Path) -> Named:
        return self.server.backend(self.model, self.format, [images]) if self.server else self.model

    def candidates(self, row: Row) -> list[Candidate]:
        """The row's candidates in the first stage's order."""
        return _FIRST_STAGES[self.first_stage](row, self.seed)[: self.fetch_k]


def _given(row: Row, seed: int) -> list[Candidate]:
    return [Candidate(document) for document in row.candidates]


def _random(row: Row, seed: int) -> list[Candidate]:
    return Random(f"{seed}/{row.id}").sample(_given(row, seed), len(row.candidates))


def _lexical(row: Row, seed: int) -> list[Candidate]:
    """By BM25 among the row's own candidates; those that share no word follow in the order given."""
    if not row.candidates or not row.question.strip():
        return _given(row, seed)
    by_place = [replace(document, id=str(place)) for place, document in enumerate(row.candidates)]
    found = LexicalRetriever(by_place).retrieve(row.question, len(by_place), fill=True)
    return [replace(candidate, document=row.candidates[int(candidate.document.id)]) for candidate in found]


_FIRST_STAGES: Mapping[FirstStage, Callable[[Row, int], list[Candidate]]] = {
    "given": _given,
    "random": _random,
    "lexical": _lexical,
}
