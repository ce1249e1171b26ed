"""Models that run in this process: language models and vision models by transformers, with or without an adapter."""

import asyncio
import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from os import PathLike
from pathlib import Path
from typing import Any

from rag_reasoner.backends.base import Card, Judged, OnText, Reply, Together
from rag_reasoner.backends.local.generate import Written, write
from rag_reasoner.backends.local.held import write_held
from rag_reasoner.backends.local.judge import Scales
from rag_reasoner.backends.local.load import Loaded, load
from rag_reasoner.backends.local.prompts import Desk, Ready
from rag_reasoner.backends.local.serving import Serving
from rag_reasoner.backends.local.told import Told
from rag_reasoner.backends.local.worker import Stop, Worker
from rag_reasoner.encoding import Encoded, LoadImage
from rag_reasoner.messages import Message
from rag_reasoner.tasks import Format
from rag_reasoner.tasks.base import Task
from rag_reasoner.tasks.relevance import RelevanceTask
from rag_reasoner.types import Fault, Image, Usage

BATCH_TOKENS = 8192


class TransformersLocal:
    """Judges and completes with one model, on a thread of its own; calls wait in a queue.

    `model` is None for the default model, a folder with weights or with an adapter, or a hub id. With `held`, replies
    are held to the format: by default where a model was never trained for it, or where its card asks for it.
    `batch_tokens` bounds what is run at once; without it, a CPU judges one by one, which is faster there and gives the
    same numbers for one as for many. `load_image` decodes images; without it, files under `image_roots` and, with
    `allow_urls`, URLs are read.
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
        self._loaded = _told(load(model, adapter=adapter, format=format, device=device, dtype=dtype), held)
        self._scales = Scales(self._loaded)
        self._held = _wants_holding(self.card) if held is None else held
        self._batch_tokens = BATCH_TOKENS if batch_tokens is None else batch_tokens
        self._judge_tokens = 0 if batch_tokens is None and _on_cpu(self._loaded) else self._batch_tokens
        decode = load_image or partial(_load_image, allow_urls=allow_urls, image_roots=tuple(image_roots))
        self._desk = Desk(self._loaded, decode)
        self._worker = Worker()

    @property
    def card(self) -> Card:
        """What the model is and can do."""
        return self._loaded.card

    @property
    def together(self) -> Together:
        """What is run at once anyway, about: one by one where that is faster, but callers then take turns."""
        if _on_cpu(self._loaded):
            return Together(judgements=4, replies=1 if self._held else 4)
        return Together(judgements=32, replies=1 if self._held else 16)

    def count(self, messages: Sequence[Message]) -> int:
        """The number of tokens that `messages` take, images included."""
        return self._desk.count(messages)

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
        failed: Callable[[Fault], Judged] = partial(Judged, None)
        return Serving(self._desk, self._weigh, failed, self._judge_tokens, stop).serve(tasks)

    def _weigh(self, batch: Sequence[Ready]) -> list[Judged]:
        found = self._scales.weigh([item.prompt for item in batch])
        return [self._judged(p, item.prompt) for p, item in zip(found, batch, strict=True)]

    def _judged(self, probability: float, prompt: Encoded) -> Judged:
        if math.isnan(probability):
            return Judged(None, Fault("backend_error", "the model's numbers overflowed: try dtype='float32'"))
        calibrate = self._loaded.calibration or float
        return Judged(calibrate(probability), usage=_usage(prompt))

    def _complete(self, tasks: Sequence[Task], on_text: OnText | None, stop: Stop) -> list[Reply]:
        told = Told(on_text) if on_text else None
        failed: Callable[[Fault], Reply] = partial(Reply, None)
        run, most = (self._hold, 0) if self._held else (self._write, self._batch_tokens)
        return Serving(self._desk, partial(run, told, stop), failed, most, stop).serve(tasks)

    def _write(self, told: Told | None, stop: Stop, batch: Sequence[Ready]) -> list[Reply]:
        places = [item.planned.place for item in batch]
        limits = [item.planned.reply for item in batch]
        on_reply = told.rows(places) if told else None
        written = write([item.prompt for item in batch], limits, self._loaded, stop, on_reply)
        return [_reply(one, item.prompt) for one, item in zip(written, batch, strict=True)]

    def _hold(self, told: Told | None, stop: Stop, batch: Sequence[Ready]) -> list[Reply]:
        return [_reply(self._held_to_format(told, stop, item), item.prompt) for item in batch]

    def _held_to_format(self, told: Told | None, stop: Stop, item: Ready) -> Written:
        on_reply = partial(told, item.planned.place) if told else None
        return write_held(item.prompt, item.planned.task.scaffold(), self._loaded, stop, on_reply)


def _told(loaded: Loaded, held: bool | None) -> Loaded:
    """With a card that says whether replies are held, where the caller does."""
    card = loaded.card
    if held is None or card.lists is None:
        return loaded
    return replace(loaded, card=replace(card, lists=replace(card.lists, held=held)))


def _wants_holding(card: Card) -> bool:
    return not card.trained or card.judges_only or bool(card.lists and card.lists.held)


def _on_cpu(loaded: Loaded) -> bool:
    return bool(loaded.model.device.type == "cpu")


def _in_loop(on_text: OnText) -> OnText:
    """Calls `on_text` in the running loop, whichever thread the text comes from."""
    loop = asyncio.get_running_loop()

    def tell(place: int, text: str) -> None:
        loop.call_soon_threadsafe(on_text, place, text)

    return tell


def _reply(written: Written, prompt: Encoded) -> Reply:
    return Reply(written.text, usage=_usage(prompt, written.tokens), truncated=written.truncated)


def _usage(prompt: Encoded, written: int = 0) -> Usage:
    return Usage(1, len(prompt.ids), written, prompt.images)


def _load_image(image: Image, *, allow_urls: bool, image_roots: Sequence[str | PathLike[str]]) -> Any:
    from rag_reasoner.pages.image import load as load_page

    return load_page(image, allow_urls=allow_urls, image_roots=image_roots)
