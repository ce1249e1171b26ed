"""Tasks made ready to run: planned by their length, encoded, gathered into batches, and put side by side as tensors."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from rag_reasoner.backends.local.load import Loaded
from rag_reasoner.encoding import Encoded, LoadImage
from rag_reasoner.encoding.pixels import stacked
from rag_reasoner.errors import RagReasonerError, Unreadable
from rag_reasoner.messages import Message
from rag_reasoner.tasks.base import Task
from rag_reasoner.types import Fault, Image

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True, slots=True)
class Planned:
    """A task, its place in the call, the tokens of its prompt, and the most that its reply may take."""

    place: int
    task: Task
    prompt: int
    reply: int


@dataclass(frozen=True, slots=True)
class Ready:
    """A planned task and its prompt as the model reads it."""

    planned: Planned
    prompt: Encoded


class Desk:
    """Plans and encodes tasks for one model. What is wrong with a task is a fault of that task."""

    def __init__(self, loaded: Loaded, load_image: LoadImage) -> None:
        self._encoder, self._context = loaded.encoder, loaded.card.context
        self._load_image = load_image
        self._size = lru_cache(maxsize=256)(self._measured)

    def count(self, messages: Sequence[Message]) -> int:
        """The number of tokens that `messages` take."""
        return self._encoder.count(messages, self._size)

    def plan(self, place: int, task: Task) -> Planned | Fault:
        """What the task takes, if it fits."""
        try:
            planned = Planned(place, task, self.count(task.messages()), task.reply_tokens)
        except RagReasonerError as error:
            return _fault_of(error)
        return _too_long(planned, self._context) or planned

    def ready(self, planned: Planned) -> Ready | Fault:
        """The task with its prompt."""
        try:
            return Ready(planned, self._encoder.encode(planned.task.messages(), self._load_image))
        except RagReasonerError as error:
            return _fault_of(error)

    def _measured(self, image: Image) -> tuple[int, int]:
        width, height = self._load_image(image).size
        return width, height


def batches(planned: Sequence[Planned], most_tokens: int) -> Iterator[list[Planned]]:
    """Longest first, so that lack of memory shows at once; each as many as fit `most_tokens` with their padding."""
    batch: list[Planned] = []
    longest = 0
    for item in sorted(planned, key=lambda item: (-item.prompt, item.place)):
        longest = max(longest, item.prompt + item.reply)
        if batch and longest * (len(batch) + 1) > most_tokens:
            yield batch
            batch, longest = [], item.prompt + item.reply
        batch.append(item)
    if batch:
        yield batch


def side_by_side(prompts: Sequence[Encoded], loaded: Loaded) -> "dict[str, torch.Tensor]":
    """The inputs of a batch, padded on the left, so that all prompts end in one column."""
    import torch

    width = max(len(prompt.ids) for prompt in prompts)
    ids = torch.tensor([(0,) * (width - len(prompt.ids)) + prompt.ids for prompt in prompts])
    mask = torch.tensor([[0] * (width - len(prompt.ids)) + [1] * len(prompt.ids) for prompt in prompts])
    inputs = {"input_ids": ids, "attention_mask": mask, **stacked([prompt.pixels for prompt in prompts])}
    inputs |= _positions(ids, mask, loaded)
    return {name: tensor.to(loaded.model.device) for name, tensor in inputs.items()}


def _positions(ids: "torch.Tensor", mask: "torch.Tensor", loaded: Loaded) -> "dict[str, torch.Tensor]":
    """Positions that do not count the padding. Qwen-VL finds its own, not in a line, by the image tokens."""
    import torch

    if loaded.encoder.marks_images:
        return {"mm_token_type_ids": torch.eq(ids, loaded.encoder.image_id or -1).long()}
    return {"position_ids": (mask.cumsum(-1) - 1).clamp(min=0)}


def _fault_of(error: RagReasonerError) -> Fault:
    return Fault("image_unread" if isinstance(error, Unreadable) else "backend_error", str(error))


def _too_long(planned: Planned, context: int) -> Fault | None:
    """The fault of a prompt that leaves no room for its reply."""
    if planned.prompt + planned.reply <= context:
        return None
    needed = f"the prompt takes {planned.prompt} tokens and its reply up to {planned.reply}"
    return Fault("backend_error", f"{needed}; the model's context is {context}")
