"""The public face: a reranker built once and asked many times."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from copy import copy
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal, get_args

from rag_reasoner.adapters import adapter
from rag_reasoner.backends.base import Backend, Completer, Judge
from rag_reasoner.backends.load import Named, load_backend
from rag_reasoner.candidates import CandidateLike, as_candidates, checked_query, from_one_up, one_of
from rag_reasoner.drive import Budget, Emit, Event, Run, arun, run, silent
from rag_reasoner.duck import DropsIntoLlamaIndex
from rag_reasoner.errors import InvalidInput
from rag_reasoner.located import result_of
from rag_reasoner.pages.image import load as load_image
from rag_reasoner.results import Result
from rag_reasoner.stages.keep import Keep, checked
from rag_reasoner.stages.pipeline import Model, Outcome, Settings, pipeline
from rag_reasoner.stages.rank import Listwise
from rag_reasoner.stages.steps import Steps, metered, together
from rag_reasoner.streaming import astreamed, streamed
from rag_reasoner.tasks import Format
from rag_reasoner.types import Candidate, Usage
from rag_reasoner.watched import asking, ranking, ranking_many

Stage = Literal["filter", "rank"]


class ReasoningReranker(DropsIntoLlamaIndex):
    """Drops the clearly irrelevant point by point, ranks the rest as a list with reasons, and answers with citations.

    `model` is None (the bundled model), "lexical" (no model at all), a hub id, a folder, or a backend. `filter_model`,
    if given, judges in its place. `keep` is what the filter keeps: "auto", "all", a number, or a probability. `top_n`
    limits the ranking; what is beyond is among `dropped`. Of each candidate `judge_tokens` are judged; lists show
    `document_tokens` of each (None: what the model learned with, or 384). `seconds` and `tokens` stop a run early, with
    what is ranked so far. `shuffles` above 1 shows every window in several seeded orders and combines what comes back.
    With `on_error` "raise", a model that cannot be asked is a BackendError; else its part keeps the coarse order,
    flagged.

    Images are read from documents' own bytes, from files under `image_roots` (the working directory, if not given) and
    from pages that `rag_reasoner.read` has read; from URLs only with `allow_urls`.

    Raises InvalidInput for a value that cannot be used and ModelError where a model cannot be loaded.
    """

    def __init__(
        self,
        model: Named = None,
        *,
        filter_model: Named = None,
        format: Format | None = None,
        keep: Keep = "auto",
        top_n: int | None = None,
        stages: Sequence[Stage] = ("filter", "rank"),
        allow_urls: bool = False,
        image_roots: Sequence[str | Path] | None = None,
        shuffles: int = 1,
        seed: int = 0,
        seconds: float | None = None,
        tokens: int | None = None,
        judge_tokens: int = 256,
        document_tokens: int | None = None,
        on_error: Literal["keep", "raise"] = "keep",
    ) -> None:
        one_of("format", format, (None, *get_args(Format)))
        one_of("on_error", on_error, ("keep", "raise"))
        for stage in stages:
            one_of("stages", stage, get_args(Stage))
        for name, value in {"shuffles": shuffles, "judge_tokens": judge_tokens}.items():
            from_one_up(name, value)
        if document_tokens is not None:
            from_one_up("document_tokens", document_tokens)
        read = partial(load_image, allow_urls=allow_urls, image_roots=tuple(image_roots or (Path.cwd(),)))
        completer = load_backend(model, format, read)
        judge = load_backend(filter_model, None, read) if filter_model is not None else completer
        if filter_model is not None and not isinstance(judge, Judge):
            raise InvalidInput(f"filter_model={filter_model!r} cannot judge; give a model that can, or None")
        self._judge = judge if isinstance(judge, Judge) and "filter" in stages else None
        self._completer = _that_ranks(completer) if "rank" in stages else None
        self._budget, self._raise = Budget(seconds, tokens), on_error == "raise"
        self._settings = Settings(
            Model(self._judge.card, self._judge.count) if self._judge else None,
            Model(self._completer.card, self._completer.count) if self._completer else None,
            checked(keep),
            top_n if top_n is None else from_one_up("top_n", top_n),
            judge_tokens=judge_tokens,
            listwise=Listwise(document_tokens, shuffles, seed),
        )

    @property
    def model_name(self) -> str:
        """The name of the model that ranks, or of the one that judges where none ranks."""
        model = self._settings.ranker or self._settings.judge
        return model.card.name if model else "none"

    @property
    def top_n(self) -> int | None:
        """How many are ranked at most where a call does not say; None is all that are left."""
        return self._settings.top_n

    @property
    def reads_images(self) -> bool:
        """Whether the model that judges or the one that ranks sees images."""
        models = (self._settings.judge, self._settings.ranker)
        return any(model.card.reads_images for model in models if model)

    def rerank(self, query: str, candidates: Iterable[CandidateLike], *, top_n: int | None = None) -> Result:
        """Rank `candidates`, given in retrieval order. Raises InvalidInput for an empty query."""
        return self._now(self._asked(query, candidates, top_n, answer=False))

    def answer(self, query: str, candidates: Iterable[CandidateLike], *, top_n: int | None = None) -> Result:
        """Rank `candidates` and answer from them; `Result.answer` is never None."""
        return self._now(self._asked(query, candidates, top_n, answer=True))

    async def arerank(self, query: str, candidates: Iterable[CandidateLike], *, top_n: int | None = None) -> Result:
        """`rerank`, awaited."""
        return await self._later(self._asked(query, candidates, top_n, answer=False))

    async def aanswer(self, query: str, candidates: Iterable[CandidateLike], *, top_n: int | None = None) -> Result:
        """`answer`, awaited."""
        return await self._later(self._asked(query, candidates, top_n, answer=True))

    def rerank_many(
        self, asked: Iterable[tuple[str, Iterable[CandidateLike]]], *, answer: bool = False
    ) -> list[Result]:
        """Many (query, candidates) in lockstep, so that they share the model's batches.

        Timings are those of all together, and a budget is for all together.
        """
        many = [self._asked(query, candidates, None, answer=answer) for query, candidates in asked]
        with ranking_many(self.model_name, len(many)):
            this = self._run()
            found = run(together([one.steps for one in many]), this)
        return [
            self._result(one.query, outcome, usage, this) for one, (outcome, usage) in zip(many, found, strict=True)
        ]

    def stream(
        self, query: str, candidates: Iterable[CandidateLike], *, answer: bool = True, top_n: int | None = None
    ) -> Iterator[Event | Result]:
        """Events while the models work, and the Result as the last. Leaving the loop early ends the run."""
        return streamed(lambda emit: self._now(self._asked(query, candidates, top_n, answer=answer), emit))

    def astream(
        self, query: str, candidates: Iterable[CandidateLike], *, answer: bool = True, top_n: int | None = None
    ) -> AsyncIterator[Event | Result]:
        """`stream`, awaited. Leaving the loop early cancels the run."""
        return astreamed(lambda emit: self._later(self._asked(query, candidates, top_n, answer=answer), emit))

    def through(self, wrap: Callable[[Backend], Any]) -> "ReasoningReranker":
        """A copy whose models are asked through what `wrap` makes of each; a model in two roles is wrapped once."""
        models = {id(model): model for model in (self._judge, self._completer) if model is not None}
        wrapped = {key: wrap(model) for key, model in models.items()}
        other = copy(self)
        other._postprocessor = None  # an adapter that was made holds the original
        other._judge = wrapped.get(id(self._judge))
        other._completer = wrapped.get(id(self._completer))
        return other

    def as_langchain(self, **options: Any) -> Any:
        """A LangChain document compressor. Raises MissingIntegration where its package is not installed."""
        return adapter("langchain")(self, **options)

    def as_runnable(self, **options: Any) -> Any:
        """A LangChain runnable from {"query", "documents"} to documents. Raises MissingIntegration."""
        return adapter("runnable")(self, **options)

    def as_tool(self, **options: Any) -> Any:
        """A LangChain tool for agents. Raises MissingIntegration where its package is not installed."""
        return adapter("tool")(self, **options)

    def _asked(self, query: str, candidates: Iterable[CandidateLike], top_n: int | None, *, answer: bool) -> "_Asked":
        """What is to be done, checked, but not begun."""
        settings = self._settings if top_n is None else replace(self._settings, top_n=from_one_up("top_n", top_n))
        query, given = checked_query(query), as_candidates(candidates)
        steps = metered(pipeline(query, given, settings, answer=answer))
        return _Asked("answer" if answer else "rerank", query, given, settings.top_n, steps)

    def _now(self, asked: "_Asked", emit: Emit = silent) -> Result:
        with self._ranking(asked) as told:
            this = self._run(emit)
            outcome, usage = run(asked.steps, this)
            told(result := self._result(asked.query, outcome, usage, this))
            return result

    async def _later(self, asked: "_Asked", emit: Emit = silent) -> Result:
        with self._ranking(asked) as told:
            this = self._run(emit)
            outcome, usage = await arun(asked.steps, this)
            told(result := await asyncio.to_thread(self._result, asked.query, outcome, usage, this))
            return result

    def _ranking(self, asked: "_Asked") -> AbstractContextManager[Callable[[Result], None]]:
        return ranking(asked.name, self.model_name, asked.candidates, asked.top_n)

    def _run(self, emit: Emit = silent) -> Run:
        return Run(self._judge, self._completer, self._budget, emit, self._raise, asking)

    def _result(self, query: str, outcome: Outcome, usage: Usage, this: Run) -> Result:
        return result_of(query, outcome, usage, dict(this.timings), self.model_name)


def _that_ranks(model: Backend) -> Completer | None:
    """The model, unless all it can do is judge."""
    return model if isinstance(model, Completer) and not model.card.judges_only else None


@dataclass(frozen=True, slots=True)
class _Asked:
    """One query and the steps to its outcome, not yet run."""

    name: Literal["rerank", "answer"]
    query: str
    candidates: Sequence[Candidate]
    top_n: int | None
    steps: Steps[tuple[Outcome, Usage]]
