"""The beginning that prompts of one task share, its instructions, read once."""

from copy import deepcopy
from typing import Any

Ids = tuple[int, ...]


class Opening:
    """The model's memory of the last beginning that it was given.

    It is used for a single prompt too: then one prompt and many give the same numbers to the last bit.
    """

    def __init__(self, model: Any) -> None:
        self._model = model
        self._ids: Ids = ()
        self._memory: Any = None

    def memory_of(self, ids: Ids) -> Any:
        """A copy of the memory of `ids`, to be read on from."""
        if ids != self._ids:
            self._memory, self._ids = self._read(ids), ids
        return deepcopy(self._memory)

    def _read(self, ids: Ids) -> Any:
        import torch
        from transformers import DynamicCache

        memory = DynamicCache(config=self._model.config)
        with torch.inference_mode():
            rows = torch.tensor([ids], device=self._model.device)
            self._model(input_ids=rows, past_key_values=memory, use_cache=True, logits_to_keep=1)
        return memory
