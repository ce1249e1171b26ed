"""BARTScore (Yuan et al., NeurIPS 2021): how likely a sequence-to-sequence model finds one text, given another."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rag_reasoner.errors import ModelError

LONGEST = 1024
"""The tokens of a text that are looked at, as in the published scorer; longer ones are cut."""


class BartScore:
    """The log-likelihood of each target given its source: the mean over the target's tokens, its marks included.

    WebQA measures with facebook/bart-large-cnn tuned on ParaBank2; give that checkpoint for figures that can stand
    beside the leaderboard's. Raises ModelError where `checkpoint` cannot be loaded.
    """

    def __init__(self, checkpoint: str | Path) -> None:
        try:
            from transformers import AutoModelForSeq2SeqLM, AutoTokenizer

            self._tokenizer = AutoTokenizer.from_pretrained(checkpoint)
            self._model = AutoModelForSeq2SeqLM.from_pretrained(checkpoint).eval()
        except (ImportError, OSError, ValueError) as error:
            raise ModelError(
                f"cannot load {str(checkpoint)!r} to score fluency: give the id or the folder of a BART checkpoint, "
                f"and install rag-reasoner[local] ({type(error).__name__})"
            ) from error

    def __call__(self, sources: Sequence[str], targets: Sequence[str]) -> list[float]:
        """As many numbers, none above 0, as there are pairs."""
        if not sources:
            return []
        import torch

        source, target = self._tokens(sources), self._tokens(targets)
        written = target["attention_mask"].bool()
        labels = target["input_ids"].masked_fill(~written, -100)  # what the loss, and so the decoder's input, skips
        with torch.inference_mode():
            logits = self._model(**source, labels=labels).logits
        of_each = logits.float().log_softmax(-1).gather(-1, target["input_ids"].unsqueeze(-1)).squeeze(-1)
        sums = of_each.masked_fill(~written, 0.0).sum(-1) / written.sum(-1).clamp(min=1)
        return [float(one) for one in sums]

    def _tokens(self, texts: Sequence[str]) -> dict[str, Any]:
        found = self._tokenizer(list(texts), max_length=LONGEST, truncation=True, padding=True, return_tensors="pt")
        return {name: found[name] for name in ("input_ids", "attention_mask")}
