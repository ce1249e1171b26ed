"""The weights of an export: an adapter in the precision wanted, or the base with the adapter in it."""

import json
from pathlib import Path

from rag_reasoner.backends.local.load import load
from rag_reasoner.errors import ModelError
from rag_reasoner.models.adapter_card import DEFAULT_BASE
from rag_reasoner.models.default import NAME, pull

ADAPTER, CONFIG = "adapter_model.safetensors", "adapter_config.json"


def write_adapter(checkpoint: Path, folder: Path, base: str, dtype: str | None) -> None:
    """The adapter of `checkpoint`, its tensors as `dtype` where that is given. Its config names no folder of ours."""
    import torch
    from safetensors.torch import load_file, save_file

    tensors = load_file(checkpoint / ADAPTER)
    kept = {name: one.to(getattr(torch, dtype)) if dtype else one for name, one in tensors.items()}
    save_file({name: one.contiguous() for name, one in kept.items()}, folder / ADAPTER, metadata={"format": "pt"})
    config = json.loads((checkpoint / CONFIG).read_text(encoding="utf-8"))
    named = NAME if base == DEFAULT_BASE else base
    text = json.dumps({**config, "base_model_name_or_path": named, "inference_mode": True}, indent=2)
    (folder / CONFIG).write_text(text + "\n", encoding="utf-8")


def write_merged(base: str, adapter: Path | None, folder: Path, dtype: str | None) -> None:
    """The base with the adapter in it (or, without one, `base` itself) as `dtype`, and how it reads."""
    loaded = load(
        str(pull()) if base == DEFAULT_BASE else base, adapter=adapter, dtype=dtype or "bfloat16", device="cpu"
    )
    try:
        loaded.model.save_pretrained(folder)
        (loaded.encoder.processor or loaded.encoder.tokenizer).save_pretrained(folder)
    except RuntimeError as error:
        raise _unwritten(error) from error


def _unwritten(error: Exception) -> Exception:
    """safetensors tells a full disk as an error of its own."""
    text = str(error)
    return OSError(text) if "I/O" in text or "space" in text else ModelError(text)
