"""Prompts made ready to run: planned into batches of like length, and put side by side as tensors."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rag_reasoner.backends.local.load import Loaded
from rag_reasoner.encoding import Encoded
from rag_reasoner.encoding.pixels import stacked
from rag_reasoner.errors import RagReasonerError, Unreadable
from rag_reasoner.types import Fault

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True, slots=True)
class Planned:
    """A task by its place in the call, the tokens of its prompt, and the most that its reply may take."""

    place: int
    prompt: int
    reply: int


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
    rows = [(0,) * (width - len(prompt.ids)) + prompt.ids for prompt in prompts]
    ids = torch.tensor(rows)
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


def fault_of(error: RagReasonerError) -> Fault:
    """The fault that keeps one item from being served."""
    return Fault("image_unread" if isinstance(error, Unreadable) else "backend_error", str(error))


def too_long(planned: Planned, context: int) -> Fault | None:
    """The fault of a prompt that leaves no room for its reply."""
    if planned.prompt + planned.reply <= context:
        return None
    needed = f"the prompt takes {planned.prompt} tokens and its reply up to {planned.reply}"
    return Fault("backend_error", f"{needed}; the model's context is {context}")
