"""The logits that foretell given replies, and nothing else: prompts need none.

Language models read all exchanges in one row of trees, without padding and with what they share read once. Vision
models, and language models that are not known to take trees, read them side by side as in inference, padded on the
left. Either way a token has the position, and sees the tokens, that it would alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from rag_reasoner.backends.local.generate import forget_positions
from rag_reasoner.backends.local.load import Loaded
from rag_reasoner.backends.local.prompts import side_by_side
from rag_reasoner_train.forward.attention import NAME
from rag_reasoner_train.forward.exchange import Exchange
from rag_reasoner_train.forward.trees import grow

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True, slots=True)
class Said:
    """Of the replies' tokens, reply after reply: their log-probabilities, and where wanted the entropies there."""

    logprobs: "torch.Tensor"
    entropies: "torch.Tensor | None"
    sizes: tuple[int, ...]


def reply_logits(model: Any, loaded: Loaded, exchanges: Sequence[Exchange]) -> "torch.Tensor":
    """(tokens of all replies, vocabulary): what `model` foretells at each of them. `loaded` says how it reads."""
    if any(one.prompt.pixels for one in exchanges) or not takes_trees(loaded):
        return _side_by_side(model, loaded, exchanges)
    return _in_trees(model, loaded, exchanges)


def takes_trees(loaded: Loaded) -> bool:
    """Whether the model was set to attend over trees."""
    return bool(loaded.model.config._attn_implementation == NAME)


def logprobs(
    model: Any, loaded: Loaded, exchanges: Sequence[Exchange], *, temperature: float = 1.0, entropies: bool = False
) -> Said:
    """How likely each token of the replies is, in fp32."""
    import torch

    logits = reply_logits(model, loaded, exchanges)
    targets = torch.tensor([token for one in exchanges for token in one.reply], device=logits.device)
    found = [_likely(part, wanted, temperature, entropies) for part, wanted in _chunks(logits, targets)]
    spread = torch.cat([entropy for _, entropy in found]) if entropies else None
    return Said(torch.cat([likely for likely, _ in found]), spread, tuple(len(one.reply) for one in exchanges))


def _chunks(logits: "torch.Tensor", targets: "torch.Tensor") -> "list[tuple[torch.Tensor, torch.Tensor]]":
    """A few hundred tokens at a time: in fp32 a row of the vocabulary takes much room."""
    import torch

    return list(zip(torch.split(logits, 512), torch.split(targets, 512), strict=True))


def _likely(
    logits: "torch.Tensor", targets: "torch.Tensor", temperature: float, entropies: bool
) -> "tuple[torch.Tensor, torch.Tensor]":
    scaled = logits.float() if temperature == 1.0 else logits.float() / temperature
    whole = scaled.logsumexp(-1)
    likely = scaled.gather(-1, targets[:, None])[:, 0] - whole
    if not entropies:
        return likely, likely
    fixed, total = scaled.detach(), whole.detach()
    return likely, total - ((fixed - total[:, None]).exp() * fixed).sum(-1)


def _in_trees(model: Any, loaded: Loaded, exchanges: Sequence[Exchange]) -> "torch.Tensor":
    import torch

    grove = grow([one.read for one in exchanges])
    wanted = [places[one.first :] for one, places in zip(exchanges, grove.places, strict=True)]
    flat = [place for places in wanted for place in places]
    distinct = sorted(set(flat))
    device = loaded.model.device
    inputs = {"input_ids": torch.tensor([grove.ids]), "position_ids": torch.tensor([grove.positions])}
    inputs |= {"attention_mask": torch.ones(1, 1, 1, 1), "logits_to_keep": torch.tensor(distinct)}
    moved = {name: tensor.to(device) for name, tensor in inputs.items()}
    found: torch.Tensor = model(**moved, spans=grove.spans, use_cache=False).logits[0]
    if len(distinct) == len(flat) and flat == distinct:
        return found
    row = {place: number for number, place in enumerate(distinct)}
    return found[torch.tensor([row[place] for place in flat], device=device)]


def _side_by_side(model: Any, loaded: Loaded, exchanges: Sequence[Exchange]) -> "torch.Tensor":
    import torch

    inputs = side_by_side([replace(one.prompt, ids=one.read) for one in exchanges], loaded)
    most = max(len(one.reply) for one in exchanges)
    forget_positions(loaded.model)
    logits = model(**inputs, use_cache=False, logits_to_keep=most).logits
    return torch.cat([row[most - len(one.reply) :] for row, one in zip(logits, exchanges, strict=True)])
