"""Judging: P(yes) against P(no) as the reply's next token, in one forward pass, without writing anything."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from rag_reasoner.backends.local.head import in_full
from rag_reasoner.backends.local.load import Loaded
from rag_reasoner.backends.local.opening import Opening
from rag_reasoner.backends.local.prompts import side_by_side
from rag_reasoner.encoding import Encoded, Encoder
from rag_reasoner.errors import ModelError
from rag_reasoner.tasks.relevance import NO, YES


@dataclass(frozen=True, slots=True)
class Answers:
    """The tokens in which yes and no first differ, and what stands before them in both."""

    shared: tuple[int, ...]
    yes: int
    no: int


def answers_of(encoder: Encoder) -> Answers:
    """The two answers in this model's tokens, as they follow the prompt."""
    yes, no = encoder.reply_ids(YES), encoder.reply_ids(NO)
    for place, (one, other) in enumerate(zip(yes, no, strict=False)):
        if one != other:
            return Answers(yes[:place], one, other)
    raise ModelError(f"this model's tokenizer does not tell {YES!r} from {NO!r}: choose another model")


class Scales:
    """Weighs yes against no: prompts side by side, or one by one after an opening that is read once.

    A CPU is busy enough with one prompt of a few hundred tokens: there, batches only add padding and rounding.
    """

    def __init__(self, loaded: Loaded) -> None:
        self._loaded = loaded
        self._answers = answers_of(loaded.encoder)
        self._opening = Opening(loaded.model)

    def weigh(self, prompts: Sequence[Encoded]) -> list[float]:
        """P(yes) of each prompt, in one forward pass; a single prompt reads on from its opening."""
        if len(prompts) == 1 and prompts[0].opening and not self._loaded.encoder.processor:
            return [self._alone(prompts[0])]
        asked = [replace(prompt, ids=prompt.ids + self._answers.shared) for prompt in prompts]
        return self._probabilities(side_by_side(asked, self._loaded))

    def _alone(self, prompt: Encoded) -> float:
        import torch

        rest = torch.tensor([prompt.ids[prompt.opening :] + self._answers.shared], device=self._loaded.model.device)
        memory = self._opening.memory_of(prompt.ids[: prompt.opening])
        return self._probabilities({"input_ids": rest, "past_key_values": memory})[0]

    def _probabilities(self, inputs: dict[str, Any]) -> list[float]:
        """P(yes) of each row, in fp32."""
        import torch

        both = [self._answers.yes, self._answers.no]
        reads_on = "past_key_values" in inputs
        with torch.inference_mode(), in_full(self._loaded.model, both):
            logits = self._loaded.model(**inputs, use_cache=reads_on, logits_to_keep=1).logits
        return [float(p) for p in logits[:, -1, both].softmax(-1)[:, 0]]
