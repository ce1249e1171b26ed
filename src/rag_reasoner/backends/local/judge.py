"""Judging: P(yes) against P(no) as the reply's next token, for a batch of prompts in one forward pass."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from rag_reasoner.backends.local.head import in_full
from rag_reasoner.backends.local.load import Loaded
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


def probabilities(prompts: Sequence[Encoded], loaded: Loaded, answers: Answers) -> list[float]:
    """P(yes) of each prompt, computed in fp32 from the logits of both answers."""
    import torch

    asked = [replace(prompt, ids=prompt.ids + answers.shared) for prompt in prompts]
    both = [answers.yes, answers.no]
    with torch.inference_mode(), in_full(loaded.model, both):
        output = loaded.model(**side_by_side(asked, loaded), use_cache=False, logits_to_keep=1)
    return [float(p) for p in output.logits[:, -1, both].softmax(-1)[:, 0]]
