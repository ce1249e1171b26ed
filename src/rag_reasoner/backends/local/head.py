"""The head: the logits of a few tokens in full precision, and no more work than they are worth.

A bf16 logit of 20 is known to an eighth only: P(yes) of twenty documents would take five values, and the order among
equals would be chance. The last hidden state holds more; so the few logits that are compared are computed from it in
fp32, at the place where the model computes all of them: what it does to its logits afterwards (a cap, a scale), it does
to these.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch


def in_one_piece(model: Any) -> None:
    """Let the head be given its input laid out in one piece.

    Of a slice, such as the last token's state, torch makes a batched product, and for that a copy of the whole head: a
    third of a second on a CPU for the default model, twice what it takes to read a document.
    """
    model.get_output_embeddings().register_forward_pre_hook(_laid_out)


def _laid_out(_: Any, hidden: "tuple[torch.Tensor, ...]") -> "tuple[torch.Tensor, ...]":
    import torch

    return tuple(one.clone(memory_format=torch.contiguous_format) for one in hidden)


@contextmanager
def in_full(model: Any, tokens: Sequence[int]) -> Iterator[None]:
    """While this lasts, the model gives fp32 logits, and those of `tokens` are computed in fp32 as well."""
    head, chosen = model.get_output_embeddings(), list(tokens)

    def sharpen(_: Any, hidden: "tuple[torch.Tensor, ...]", logits: "torch.Tensor") -> "torch.Tensor":
        sharp = logits.float()
        if chosen:
            bias = None if head.bias is None else head.bias[chosen].float()
            sharp[..., chosen] = _linear(hidden[0].float(), head.weight[chosen].float(), bias)
        return sharp

    handle = head.register_forward_hook(sharpen)
    try:
        yield
    finally:
        handle.remove()


def _linear(hidden: "torch.Tensor", weight: "torch.Tensor", bias: "torch.Tensor | None") -> "torch.Tensor":
    import torch
    from torch.nn.functional import linear

    with torch.autocast(hidden.device.type, enabled=False):  # a trainer's mixed precision would round them again
        return linear(hidden, weight, bias)
