"""A model that reads on from a prompt: it is given tokens, forgets some again, and tells what it expects next."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rag_reasoner.backends.local.generate import forget_positions
from rag_reasoner.backends.local.head import in_full
from rag_reasoner.backends.local.load import Loaded
from rag_reasoner.backends.local.prompts import side_by_side
from rag_reasoner.encoding import Encoded
from rag_reasoner.encoding.encoder import common

if TYPE_CHECKING:
    import torch

Ids = tuple[int, ...]


class Walker:
    """One prompt and what was written after it, with the model's memory of both."""

    def __init__(self, prompt: Encoded, loaded: Loaded) -> None:
        from transformers import DynamicCache

        forget_positions(loaded.model)
        self._model: Any = loaded.model
        self._memory = DynamicCache()  # without a configuration: one that can forget, also where attention is local
        self._prompt = side_by_side([prompt], loaded)
        self._asked = len(prompt.ids)
        self._read: Ids | None = None

    def expects(self, written: Ids, tokens: Sequence[int] = ()) -> "torch.Tensor":
        """Log-probabilities of the token after the prompt and `written`; those of `tokens` in full precision.

        What an earlier `written` has in common with this one is not read again.
        """
        if self._read is None or not written:
            self._back_to_nothing()
            scores = self._forward(self._prompt, tokens)
            self._read = ()
            if not written:
                return scores
        self._back_to(min(common(self._read, written), len(written) - 1))
        scores = self._forward(self._following(written[len(self._read) :]), tokens)
        self._read = written
        return scores

    def _back_to_nothing(self) -> None:
        if self._read is not None:
            self._memory.crop(-self._asked - len(self._read))
            forget_positions(self._model)

    def _back_to(self, kept: int) -> None:
        assert self._read is not None
        if surplus := len(self._read) - kept:
            self._memory.crop(-surplus)
        self._read = self._read[:kept]

    def _following(self, ids: Ids) -> "dict[str, torch.Tensor]":
        import torch

        device = self._model.device
        start = self._asked + len(self._read or ())
        inputs = {"input_ids": torch.tensor([ids], device=device)}
        if "position_ids" in self._prompt:
            inputs["position_ids"] = torch.arange(start, start + len(ids), device=device)[None]
        return inputs

    def _forward(self, inputs: "dict[str, torch.Tensor]", tokens: Sequence[int]) -> "torch.Tensor":
        import torch

        with torch.inference_mode(), in_full(self._model, tokens):
            output = self._model(**inputs, past_key_values=self._memory, use_cache=True, logits_to_keep=1)
        scores: torch.Tensor = output.logits[0, -1].float().log_softmax(-1)
        return scores
