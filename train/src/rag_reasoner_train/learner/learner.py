"""A base model made ready to be trained, by the same loader that inference uses."""

import warnings
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rag_reasoner.backends.local.load import Loaded, load
from rag_reasoner.errors import InvalidInput, ModelError
from rag_reasoner.models.adapter_card import DEFAULT_BASE, check, read_card
from rag_reasoner.models.base_hash import base_hash
from rag_reasoner.models.default import pull
from rag_reasoner_train.config.settings import Common
from rag_reasoner_train.forward.attention import attend_by_trees, packs
from rag_reasoner_train.learner.checkpoints import last_checkpoint
from rag_reasoner_train.learner.compiled import compile_between_products
from rag_reasoner_train.learner.lora import compute_in_one_pass

_SIZES = {"rank": "r", "alpha": "lora_alpha", "dropout": "lora_dropout"}


@dataclass(frozen=True, slots=True)
class Learner:
    """`model` is what is trained and called; `loaded` the base in it and how that reads; `base` its folder or id.

    `mixed`: what is trained is kept in fp32 and computed with in bf16.
    """

    model: Any
    loaded: Loaded
    base: str
    mixed: bool = False

    @property
    def context(self) -> int:
        return self.loaded.card.context

    @property
    def lora(self) -> dict[str, float]:
        """The size of the adapter that is trained, by the names of the settings; nothing without one."""
        config = getattr(self.model, "peft_config", {}).get("default")
        return {f"lora_{name}": getattr(config, key) for name, key in _SIZES.items()} if config else {}

    def computing(self) -> AbstractContextManager[None]:
        """While this lasts, what is computed has the precision that it has in training."""
        import torch

        device = self.loaded.model.device.type
        return torch.autocast(device, dtype=torch.bfloat16) if self.mixed else nullcontext()


def load_learner(settings: Common) -> Learner:
    """The base of a run, with a new adapter, the one that the run starts from, or none (full fine-tuning)."""
    base = str(pull()) if settings.base == DEFAULT_BASE else settings.base
    precision = None if settings.precision == "auto" else settings.precision
    loaded = load(base, dtype=precision)
    if packs(loaded.model.config):
        attend_by_trees(loaded.model)
    mixed = str(loaded.model.dtype) == "torch.bfloat16"
    model = _tuned(loaded, settings, base)
    if mixed:
        _cast_once(model)
    if settings.tuning == "lora":
        compute_in_one_pass(model)
    if settings.compiled:
        compile_between_products(loaded.model)
    return Learner(model, loaded, base, mixed)


def _cast_once(model: Any) -> None:
    """Let mixed precision alone choose the precision of what an adapter reads.

    Without this every input of an adapter is copied to fp32 and, as its product is computed in bf16, back again.
    """
    for module in model.modules():
        if hasattr(module, "cast_input_dtype_enabled"):
            module.cast_input_dtype_enabled = False


def _tuned(loaded: Loaded, settings: Common, base: str) -> Any:
    if settings.tuning == "full":
        if settings.start is not None:
            raise InvalidInput("tuning: full goes on from whole weights: give them as `base`, and no `start`")
        return loaded.model.float().requires_grad_(True)
    if settings.start is not None:
        return _going_on(loaded.model, settings.start, base)
    return _fresh(loaded.model, settings)


def _fresh(model: Any, settings: Common) -> Any:
    import torch
    from peft import LoraConfig, get_peft_model

    torch.manual_seed(settings.seed)
    targets = settings.lora_targets if isinstance(settings.lora_targets, str) else list(settings.lora_targets)
    config = LoraConfig(
        r=settings.lora_rank,
        lora_alpha=settings.lora_alpha,
        lora_dropout=settings.lora_dropout,
        target_modules=targets,
        exclude_modules=_towers(model),
        task_type="CAUSAL_LM",
    )
    with _without_peft_warnings():
        return get_peft_model(model, config)


def _towers(model: Any) -> str | None:
    """What is left out of "all-linear": a vision model's eyes."""
    return r".*(visual|vision_model|vision_tower|connector).*" if hasattr(model.config, "vision_config") else None


def adapter_folder(start: Path) -> Path:
    """The adapter in `start`: itself, or the last checkpoint where it is a run's folder."""
    return start if (start / "adapter_config.json").is_file() else last_checkpoint(start) or start


def _going_on(model: Any, start: Path, base: str) -> Any:
    from peft import PeftModel

    adapter = adapter_folder(start)
    card = read_card(adapter)
    if Path(base).is_dir():
        check(card, base_hash=base_hash(Path(base)))
    try:
        with _without_peft_warnings():
            return PeftModel.from_pretrained(model, str(adapter), is_trainable=True, use_safetensors=True)
    except (OSError, ValueError, RuntimeError) as error:
        raise ModelError(f"the adapter {str(start)!r} does not fit its base: {error}") from error


@contextmanager
def _without_peft_warnings() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # peft's own use of what transformers will rename
        yield
