"""GGUF to safetensors in bf16, once, so that the model then loads in about a second."""

import json
from contextlib import redirect_stderr
from io import StringIO
from pathlib import Path
from typing import Any

from rag_reasoner.models.base_hash import ORIGIN
from rag_reasoner.models.quiet import quiet
from rag_reasoner.torchvision_guard import guard


def convert(gguf: Path, folder: Path, *, sha256: str) -> None:
    """Writes the model and tokenizer of `gguf` to `folder`, which remembers the hash of what it was made from."""
    guard()
    with quiet():
        _dequantised(gguf).save_pretrained(folder)
        _tokenizer(gguf).save_pretrained(folder)
    (folder / ORIGIN).write_text(json.dumps({"sha256": sha256}), encoding="utf-8")


def _dequantised(gguf: Path) -> Any:
    """A fresh model with the weights: one that was read from a GGUF file counts as quantised and cannot be saved."""
    import torch
    from transformers import AutoModelForCausalLM, LlamaConfig, LlamaForCausalLM

    with redirect_stderr(StringIO()):  # a bar that cannot be switched off
        read = AutoModelForCausalLM.from_pretrained(gguf.parent, gguf_file=gguf.name, dtype=torch.float32)
    options = {name: value for name, value in read.config.to_dict().items() if name != "quantization_config"}
    model = LlamaForCausalLM(LlamaConfig(**options))
    model.load_state_dict(read.state_dict())
    model.tie_weights()
    return model.to(torch.bfloat16)


def _tokenizer(gguf: Path) -> Any:
    """The tokenizer; the file's note that digits stand alone ("smollm"), which transformers passes over, put back."""
    from tokenizers.pre_tokenizers import ByteLevel, Digits, Sequence
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(gguf.parent, gguf_file=gguf.name)
    steps = [Digits(individual_digits=True), ByteLevel(add_prefix_space=False)]
    tokenizer.backend_tokenizer.pre_tokenizer = Sequence(steps)
    return tokenizer
