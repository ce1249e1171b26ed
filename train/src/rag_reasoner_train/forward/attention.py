"""Attention over trees: each span attends to the spans that it grows from and to itself, and to nothing else.

Registered with transformers under a name; a model that has it set attends as usual (sdpa) unless it is called with
`spans`. Short spans on a CPU are multiplied out in plain matrix products, which is two to three times as fast there as
the fused kernel and its backward pass, and needs no copy of the keys for each head that shares them. So is the one
token that each sampled reply reads at a time: there the fused kernel takes most of the time of sampling.
"""

from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from rag_reasoner_train.forward.trees import Span

if TYPE_CHECKING:
    import torch

NAME = "rag_reasoner_trees"

SHORT = 1024
"""Up to so many keys, the table of scores is small enough to be kept for the backward pass."""

PACKS = ("llama", "mistral", "qwen2", "qwen3", "smollm3")
"""The language models whose layers hand `spans` on to their attention and know positions from `position_ids` alone."""


def packs(config: Any) -> bool:
    """Whether trees give this model's own numbers: a known kind, without sliding windows."""
    kinds = getattr(config, "layer_types", None) or ()
    return config.model_type in PACKS and not any("sliding" in kind for kind in kinds)


def attend_by_trees(model: Any) -> None:
    """Let `model` attend over trees when it is called with `spans`."""
    _register()
    model.set_attn_implementation(NAME)


@cache
def _register() -> None:
    from transformers import AttentionInterface
    from transformers.masking_utils import AttentionMaskInterface, sdpa_mask

    AttentionInterface.register(NAME, _attention)
    AttentionMaskInterface.register(NAME, sdpa_mask)


def _attention(
    module: Any,
    query: "torch.Tensor",
    key: "torch.Tensor",
    value: "torch.Tensor",
    attention_mask: Any,
    spans: Sequence[Span] | None = None,
    scaling: float | None = None,
    **options: Any,
) -> "tuple[torch.Tensor, None]":
    """The signature that transformers gives attention: (batch, heads, length, width) in, the middle two swapped out."""
    from transformers.integrations.sdpa_attention import sdpa_attention_forward

    scale = query.shape[-1] ** -0.5 if scaling is None else scaling
    if spans is None and query.device.type == "cpu" and query.shape[2] == 1:
        return next_token(query, key, value, attention_mask, scale).transpose(1, 2), None
    if spans is None:
        attended, _ = sdpa_attention_forward(module, query, key, value, attention_mask, scaling=scale, **options)
        return attended, None
    return over_trees(query[0], key[0], value[0], spans, scale).transpose(0, 1)[None], None


def next_token(
    query: "torch.Tensor", key: "torch.Tensor", value: "torch.Tensor", mask: "torch.Tensor | None", scale: float
) -> "torch.Tensor":
    """(batch, heads, 1, width) of one token each, attended to all that `mask` (batch, 1, 1, length) allows, or to all.

    Keys may have fewer heads than queries.
    """
    grouped = (query * scale).view(query.shape[0], key.shape[1], -1, query.shape[3])
    scores = (grouped @ key.transpose(2, 3)).float()
    if mask is not None:
        scores = scores + mask if mask.is_floating_point() else scores.masked_fill(~mask, float("-inf"))
    return (scores.softmax(-1).to(value.dtype) @ value).view(*query.shape[:3], value.shape[3])


def over_trees(
    query: "torch.Tensor", key: "torch.Tensor", value: "torch.Tensor", spans: Sequence[Span], scale: float
) -> "torch.Tensor":
    """(heads, length, width) of the row's tokens, attended. Keys may have fewer heads than queries."""
    import torch

    sizes = [span.stop - span.start for span in spans]
    queries, keys, values = (torch.split(one, sizes, 1) for one in (query, key, value))
    found = []
    for number, span in enumerate(spans):
        seen = (*span.trunks, number)
        k, v = (torch.cat([one[place] for place in seen], 1) if span.trunks else one[number] for one in (keys, values))
        found.append(_one(queries[number], k, v, scale))
    return torch.cat(found, 1)


def _one(query: "torch.Tensor", key: "torch.Tensor", value: "torch.Tensor", scale: float) -> "torch.Tensor":
    """Attention of the last `len(query)` tokens among `len(key)`."""
    multiplied_out = query.device.type == "cpu" and key.shape[1] <= SHORT
    return _products(query, key, value, scale) if multiplied_out else _fused(query, key, value, scale)


def _products(query: "torch.Tensor", key: "torch.Tensor", value: "torch.Tensor", scale: float) -> "torch.Tensor":
    heads, length, width = query.shape
    few, seen, _ = key.shape
    grouped = (query * scale).reshape(few, -1, width)
    scores = (grouped @ key.transpose(1, 2)).view(few, -1, length, seen) + _ahead(length, seen, query)
    weights = scores.softmax(-1).view(few, -1, seen)
    return (weights @ value).view(heads, length, value.shape[2])


def _ahead(length: int, seen: int, like: "torch.Tensor") -> "torch.Tensor":
    """Minus infinity for what stands ahead of a token."""
    import torch

    return (
        like.new_full((length, seen), float("-inf")).triu_(1 + seen - length)
        if length > 1
        else torch.zeros_like(like[0, :1, :1])
    )


def _fused(query: "torch.Tensor", key: "torch.Tensor", value: "torch.Tensor", scale: float) -> "torch.Tensor":
    import torch
    from torch.nn.functional import scaled_dot_product_attention as sdpa

    length, seen = query.shape[1], key.shape[1]
    ahead = torch.ones(length, seen, dtype=torch.bool, device=query.device).tril(seen - length)
    mask = None if length == seen else ahead
    groups = query.shape[0] != key.shape[0]
    rows = (query[None], key[None], value[None])
    return sdpa(*rows, attn_mask=mask, is_causal=mask is None, scale=scale, enable_gqa=groups)[0]
