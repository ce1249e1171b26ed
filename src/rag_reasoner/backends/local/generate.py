"""Writing: replies to a batch of prompts, greedily, each up to its own limit."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rag_reasoner.backends.local.load import Loaded
from rag_reasoner.backends.local.prompts import side_by_side
from rag_reasoner.backends.local.worker import Stop
from rag_reasoner.encoding import Encoded

if TYPE_CHECKING:
    import torch

OnReply = Callable[[int, str], None]
"""Called with a prompt's place in the batch and its reply so far."""


@dataclass(frozen=True, slots=True)
class Written:
    """A reply, the number of tokens in it, and whether it was stopped by its limit."""

    text: str
    tokens: int
    truncated: bool


def write(
    prompts: Sequence[Encoded], limits: Sequence[int], loaded: Loaded, stop: Stop, on_reply: OnReply | None = None
) -> list[Written]:
    """The replies to `prompts`, each of at most `limits` tokens before the one that ends it."""
    import torch

    inputs = side_by_side(prompts, loaded)
    width = inputs["input_ids"].shape[1]
    watch = _Watch(loaded, width, limits, stop, on_reply)
    forget_positions(loaded.model)
    with torch.inference_mode():
        ids = loaded.model.generate(
            **inputs, generation_config=_greedy(loaded, max(limits) + 1), stopping_criteria=[watch]
        )
    stop.check()
    written = [_written(row[width:].tolist(), limit, loaded) for row, limit in zip(ids, limits, strict=True)]
    for row, one in enumerate(written if on_reply else ()):
        on_reply(row, one.text)  # type: ignore[misc]
    return written


def ends_of(loaded: Loaded) -> frozenset[int]:
    """Every token that ends a reply."""
    stored = loaded.model.generation_config.eos_token_id
    told = stored if isinstance(stored, list) else [stored]
    found = {*told, loaded.encoder.tokenizer.eos_token_id, loaded.encoder.end_id}
    return frozenset(token for token in found if token is not None)


def unwanted(loaded: Loaded) -> frozenset[int]:
    """Tokens that no reply holds: an image's place-holder, written by the model, would break the next turn."""
    return frozenset(() if loaded.encoder.image_id is None else (loaded.encoder.image_id,))


def forget_positions(model: Any) -> None:
    """Qwen-VL keeps the shift of the last prompt's positions; the next prompt must not inherit it."""
    if hasattr(inner := getattr(model, "model", model), "rope_deltas"):
        inner.rope_deltas = None


def _greedy(loaded: Loaded, most: int) -> Any:
    """Plain greedy decoding."""
    from transformers import GenerationConfig

    ends = sorted(ends_of(loaded))
    suppressed = sorted(unwanted(loaded)) or None
    return GenerationConfig(
        do_sample=False, max_new_tokens=most, eos_token_id=ends, pad_token_id=ends[0], suppress_tokens=suppressed
    )


def _written(ids: list[int], limit: int, loaded: Loaded) -> Written:
    """The reply in `ids`; what stands beyond its limit is padding, while longer replies of the batch were written."""
    ends = ends_of(loaded)
    end = next((place for place, token in enumerate(ids[: limit + 1]) if token in ends), None)
    kept = ids[: limit if end is None else end]
    return Written(_text(kept, loaded), len(kept), truncated=end is None)


def _text(ids: Sequence[int], loaded: Loaded) -> str:
    return str(loaded.encoder.tokenizer.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False))


class _Watch:
    """Looks on as tokens come: stops a reply at its own limit, all when nobody waits, and passes the text on."""

    def __init__(self, loaded: Loaded, width: int, limits: Sequence[int], stop: Stop, on_reply: OnReply | None) -> None:
        self._loaded, self._width, self._limits = loaded, width, limits
        self._stop, self._on_reply = stop, on_reply

    def __call__(self, ids: "torch.Tensor", scores: Any, **_: Any) -> "torch.Tensor":
        import torch

        if self._on_reply:
            self._tell(ids[:, self._width :].tolist())
        count = ids.shape[1] - self._width
        over = [self._stop.is_set() or count > limit for limit in self._limits]
        return torch.tensor(over, device=ids.device)

    def _tell(self, rows: list[list[int]]) -> None:
        assert self._on_reply
        for place, (row, limit) in enumerate(zip(rows, self._limits, strict=True)):
            self._on_reply(place, _written(row, limit, self._loaded).text.rstrip("\ufffd"))  # half a character
