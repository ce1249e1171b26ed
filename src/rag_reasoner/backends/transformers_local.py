"""Models that run in this process: language models and vision models by transformers, with or without an adapter."""

import asyncio
import math
from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from os import PathLike
from pathlib import Path
from typing import Any, TypeVar

from rag_reasoner.backends.base import Card, Judged, OnText, Reply
from rag_reasoner.backends.local.generate import Written, write
from rag_reasoner.backends.local.held import write_held
from rag_reasoner.backends.local.judge import Scales
from rag_reasoner.backends.local.load import Loaded, load
from rag_reasoner.backends.local.prompts import Planned, batches, fault_of, too_long
from rag_reasoner.backends.local.serving import serve
from rag_reasoner.backends.local.told import Told
from rag_reasoner.backends.local.worker import Stop, Worker
from rag_reasoner.encoding import Encoded, LoadImage
from rag_reasoner.errors import RagReasonerError
from rag_reasoner.messages import Message
from rag_reasoner.tasks import Format
from rag_reasoner.tasks.base import Task
from rag_reasoner.tasks.relevance import RelevanceTask
from rag_reasoner.types import Fault, Image, Usage

Outcome = TypeVar("Outcome", Judged, Reply)

BATCH_TOKENS = 8192


class TransformersLocal:
    """Judges and completes with one model, on a thread of its own; calls wait in a queue.

    `model` is None for the default model, a folder with weights or with an adapter, or a hub id. With `held`, replies
    are held to the format: by default where a model was never trained for it. `batch_tokens` bounds what is run at
    once; without it, a CPU judges one by one, which is faster there and gives the same numbers for one as for many.
    `load_image` decodes images; without it, files under `image_roots` and, with `allow_urls`, URLs are read.
    """

    def __init__(
        self,
        model: str | Path | None = None,
        *,
        adapter: str | Path | None = None,
        format: Format | None = None,
        device: str | None = None,
        dtype: str | None = None,
        held: bool | None = None,
        batch_tokens: int | None = None,
        load_image: LoadImage | None = None,
        allow_urls: bool = False,
        image_roots: Sequence[str | PathLike[str]] = (".",),
    ) -> None:
        self._loaded = load(model, adapter=adapter, format=format, device=device, dtype=dtype)
        self._scales = Scales(self._loaded)
        self._held = not self.card.trained if held is None else held
        self._batch_tokens = BATCH_TOKENS if batch_tokens is None else batch_tokens
        self._judge_tokens = 0 if batch_tokens is None and _on_cpu(self._loaded) else self._batch_tokens
        self._load_image = load_image or partial(_load_image, allow_urls=allow_urls, image_roots=tuple(image_roots))
        self._size = lru_cache(maxsize=256)(lambda image: self._load_image(image).size)
        self._worker = Worker()

    @property
    def card(self) -> Card:
        """What the model is and can do."""
        return self._loaded.card

    def count(self, messages: Sequence[Message]) -> int:
        """The number of tokens that `messages` take, images included."""
        return self._loaded.encoder.count(messages, self._size)

    def judge(self, tasks: Sequence[RelevanceTask]) -> list[Judged]:
        """P(yes) of each task."""
        return self._worker.call(partial(self._judge, tasks))

    async def ajudge(self, tasks: Sequence[RelevanceTask]) -> list[Judged]:
        """P(yes) of each task."""
        return await self._worker.acall(partial(self._judge, tasks))

    def complete(self, tasks: Sequence[Task], on_text: OnText | None = None) -> list[Reply]:
        """A reply to each task. `on_text` is called on the model's own thread."""
        return self._worker.call(partial(self._complete, tasks, on_text))

    async def acomplete(self, tasks: Sequence[Task], on_text: OnText | None = None) -> list[Reply]:
        """A reply to each task. `on_text` is called in the running loop."""
        tell = _in_loop(on_text) if on_text else None
        return await self._worker.acall(partial(self._complete, tasks, tell))

    def close(self) -> None:
        """Waits for work that has begun, and takes no more."""
        self._worker.close()

    def _judge(self, tasks: Sequence[RelevanceTask], stop: Stop) -> list[Judged]:
        return self._serve(tasks, self._judge_batch, partial(Judged, None), self._judge_tokens, stop)

    def _judge_batch(self, _: Sequence[Planned], prompts: Sequence[Encoded]) -> list[Judged]:
        found = self._scales.weigh(prompts)
        return [self._judged(p, prompt) for p, prompt in zip(found, prompts, strict=True)]

    def _judged(self, probability: float, prompt: Encoded) -> Judged:
        if math.isnan(probability):
            return Judged(None, Fault("backend_error", "the model's numbers overflowed: try dtype='float32'"))
        calibrate = self._loaded.calibration or float
        return Judged(calibrate(probability), usage=_usage(prompt))

    def _complete(self, tasks: Sequence[Task], on_text: OnText | None, stop: Stop) -> list[Reply]:
        told = Told(on_text) if on_text else None
        held = partial(self._hold_batch, tasks, told, stop)
        run = held if self._held else partial(self._write_batch, told, stop)
        return self._serve(tasks, run, partial(Reply, None), 0 if self._held else self._batch_tokens, stop)

    def _write_batch(
        self, told: Told | None, stop: Stop, batch: Sequence[Planned], prompts: Sequence[Encoded]
    ) -> list[Reply]:
        tell = partial(_tell, told, batch) if told else None
        written = write(prompts, [item.reply for item in batch], self._loaded, stop, tell)
        for row, one in enumerate(written if told else ()):
            _tell(told, batch, row, one.text)
        return [_reply(one, prompt) for one, prompt in zip(written, prompts, strict=True)]

    def _hold_batch(
        self, tasks: Sequence[Task], told: Told | None, stop: Stop, batch: Sequence[Planned], prompts: Sequence[Encoded]
    ) -> list[Reply]:
        return [
            _reply(self._hold(tasks[item.place], item.place, prompt, told, stop), prompt)
            for item, prompt in zip(batch, prompts, strict=True)
        ]

    def _hold(self, task: Task, place: int, prompt: Encoded, told: Told | None, stop: Stop) -> Written:
        return write_held(prompt, task.scaffold(), self._loaded, stop, partial(told, place) if told else None)

    def _serve(
        self,
        tasks: Sequence[Task],
        run: Callable[[Sequence[Planned], Sequence[Encoded]], list[Outcome]],
        failed: Callable[[Fault], Outcome],
        most: int,
        stop: Stop,
    ) -> list[Outcome]:
        """The outcome of each task, in their order. `most` bounds the tokens of a batch; one item fits always."""
        planned = [self._planned(place, task) for place, task in enumerate(tasks)]
        refused = {place: failed(found) for place, found in enumerate(planned) if isinstance(found, Fault)}
        rows = batches([found for found in planned if isinstance(found, Planned)], most)
        served = serve(rows, partial(self._run, tasks, run, failed), failed, stop)
        return [(refused | served)[place] for place in range(len(tasks))]

    def _run(
        self,
        tasks: Sequence[Task],
        run: Callable[[Sequence[Planned], Sequence[Encoded]], list[Outcome]],
        failed: Callable[[Fault], Outcome],
        batch: Sequence[Planned],
    ) -> list[Outcome]:
        prompts = [self._encoded(tasks[item.place]) for item in batch]
        good = [(item, found) for item, found in zip(batch, prompts, strict=True) if isinstance(found, Encoded)]
        outcomes = iter(run([item for item, _ in good], [found for _, found in good]) if good else ())
        return [failed(found) if isinstance(found, Fault) else next(outcomes) for found in prompts]

    def _planned(self, place: int, task: Task) -> Planned | Fault:
        try:
            planned = Planned(place, self.count(task.messages()), task.reply_tokens)
        except RagReasonerError as error:
            return fault_of(error)
        return too_long(planned, self.card.context) or planned

    def _encoded(self, task: Task) -> Encoded | Fault:
        try:
            return self._loaded.encoder.encode(task.messages(), self._load_image)
        except RagReasonerError as error:
            return fault_of(error)


def _on_cpu(loaded: Loaded) -> bool:
    return bool(loaded.model.device.type == "cpu")


def _in_loop(on_text: OnText) -> OnText:
    """Calls `on_text` in the running loop, whichever thread the text comes from."""
    loop = asyncio.get_running_loop()

    def tell(place: int, text: str) -> None:
        loop.call_soon_threadsafe(on_text, place, text)

    return tell


def _tell(told: Told | None, batch: Sequence[Planned], row: int, text: str) -> None:
    if told:
        told(batch[row].place, text)


def _reply(written: Written, prompt: Encoded) -> Reply:
    return Reply(written.text, usage=_usage(prompt, written.tokens), truncated=written.truncated)


def _usage(prompt: Encoded, written: int = 0) -> Usage:
    return Usage(1, len(prompt.ids), written, prompt.images)


def _load_image(image: Image, *, allow_urls: bool, image_roots: Sequence[str | PathLike[str]]) -> Any:
    from rag_reasoner.pages.image import load as load_page

    return load_page(image, allow_urls=allow_urls, image_roots=image_roots)
