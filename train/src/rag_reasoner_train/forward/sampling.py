"""Sampled replies: the prompt of a group is read once, and its replies go on from copies of that memory."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rag_reasoner.backends.local.generate import ends_of, forget_positions, unwanted
from rag_reasoner.backends.local.load import Loaded
from rag_reasoner.backends.local.prompts import side_by_side
from rag_reasoner.encoding import Encoded
from rag_reasoner_train.forward.trees import Ids


@dataclass(frozen=True, slots=True)
class Sampling:
    """How replies are drawn. Sampling is from the whole distribution unless told otherwise."""

    most_tokens: int
    temperature: float = 1.0
    top_p: float = 1.0
    top_k: int = 0


def sample(model: Any, loaded: Loaded, prompts: Sequence[Encoded], how: Sampling) -> list[Ids]:
    """A reply to each prompt, its end included; prompts may be repeated, for as many replies."""
    import torch

    forget_positions(loaded.model)
    with torch.no_grad():
        inputs = _alone(prompts, loaded) if any(one.pixels for one in prompts) else _remembered(model, loaded, prompts)
        ids = model.generate(**inputs, generation_config=_config(loaded, how))
    width = inputs["input_ids"].shape[1]
    ends = ends_of(loaded)
    return [_until_end(row, ends) for row in ids[:, width:].tolist()]


def _alone(prompts: Sequence[Encoded], loaded: Loaded) -> dict[str, Any]:
    """Prompts with images are read once for each reply: a vision model's positions are not in its memory."""
    return dict(side_by_side(prompts, loaded))


def _remembered(model: Any, loaded: Loaded, prompts: Sequence[Encoded]) -> dict[str, Any]:
    """The inputs of `generate`: all prompts, and a memory of all but their last token, made once for each kind."""
    import torch
    from transformers import DynamicCache

    kinds = {one.ids: one for one in prompts}
    places = {ids: place for place, ids in enumerate(kinds)}
    inputs = side_by_side(list(kinds.values()), loaded)
    memory = DynamicCache(config=loaded.model.config)
    if inputs["input_ids"].shape[1] > 1:
        read = {name: tensor[:, :-1] for name, tensor in inputs.items()}
        model(**read, past_key_values=memory, use_cache=True, logits_to_keep=1)
    which = torch.tensor([places[one.ids] for one in prompts], device=inputs["input_ids"].device)
    memory.batch_select_indices(which)
    return {name: tensor[which] for name, tensor in inputs.items()} | {"past_key_values": memory}


def _config(loaded: Loaded, how: Sampling) -> Any:
    from transformers import GenerationConfig

    ends = sorted(ends_of(loaded))
    return GenerationConfig(
        do_sample=True,
        temperature=how.temperature,
        top_p=how.top_p,
        top_k=how.top_k,
        max_new_tokens=how.most_tokens,
        eos_token_id=ends,
        pad_token_id=ends[0],
        suppress_tokens=sorted(unwanted(loaded)) or None,
    )


def _until_end(ids: list[int], ends: frozenset[int]) -> Ids:
    end = next((place for place, token in enumerate(ids) if token in ends), len(ids) - 1)
    return tuple(ids[: end + 1])
