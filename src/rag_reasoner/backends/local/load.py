"""A model from a folder, a hub id, or the default one: language models, vision models, and LoRA adapters on them."""

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rag_reasoner.backends.base import DROP_BELOW, Card
from rag_reasoner.backends.local.device import device_for, dtype_for
from rag_reasoner.backends.local.head import in_one_piece
from rag_reasoner.encoding import Encoder, encoder_of
from rag_reasoner.errors import MissingExtra, ModelError
from rag_reasoner.models.adapter_card import CARD, DEFAULT_BASE, AdapterCard, check, read_card
from rag_reasoner.models.among import NOTHING
from rag_reasoner.models.base_hash import base_hash
from rag_reasoner.models.calibration import Calibration, among_of
from rag_reasoner.models.default import NAME, pull
from rag_reasoner.models.quiet import quiet
from rag_reasoner.tasks import Format
from rag_reasoner.torchvision_guard import guard

if TYPE_CHECKING:
    import torch

PACKAGED_ADAPTER = Path(__file__).parents[2] / "adapter"
"""The adapter that comes with the package and makes a reranker of the default model."""

VISION_MODELS = ("qwen2_5_vl", "qwen3_vl", "idefics3", "smolvlm")
"""The vision models that are known to work, by the `model_type` of their configuration."""

FORMATS: dict[str, Format] = {"i2vec/MM-R5": "mm_r5"}
"""Published checkpoints with a format of their own, by hub id."""

_SAFE = {"trust_remote_code": False}


@dataclass(frozen=True, slots=True)
class Loaded:
    """A model ready to run, and what turns messages into its tokens."""

    model: Any
    encoder: Encoder
    card: Card
    calibration: Calibration | None = None


@dataclass(frozen=True, slots=True)
class _Source:
    """Where a model comes from. `adapter` is a folder; `default` tells that the base is the default model."""

    base: str
    adapter: Path | None
    name: str
    default: bool = False


def load(
    model: str | Path | None,
    *,
    adapter: str | Path | None = None,
    format: Format | None = None,
    device: str | None = None,
    dtype: str | None = None,
) -> Loaded:
    """`model`: None for the default one, its `NAME` for that without our adapter, a folder (weights, or an adapter), or
    a hub id.
    """
    guard()
    with quiet():
        return _load(_source(model, Path(adapter) if adapter else None), format, device, dtype)


def _load(source: "_Source", format: Format | None, device: str | None, dtype: str | None) -> Loaded:
    place = device_for(device)
    config = _config(source.base)
    sees = _sees(config, source.base)
    card = _adapter_card(source)
    weights = _weights(source.base, dtype_for(dtype, place), source.adapter, sees=sees)
    reads = _reads(source.base, sees=sees)
    described = Card(
        name=source.name,
        context=_context(config),
        format=format or (card.format if card else FORMATS.get(source.base, "rag_reasoner")),
        trained=card.trained if card else not source.default,
        calibrated=bool(card and card.calibration),
        reads_images=sees,
        judges_only=bool(card and card.judges_only),
        among=among_of(card.calibration) if card else NOTHING,
        drop_below=(card and card.drop_below) or DROP_BELOW,
        answerable=card.answerable if card else None,
        abstain_below=(card and card.abstain_below) or 0.0,
        lists=card.lists if card else None,
    )
    weights.generation_config = _no_sampling(weights)
    in_one_piece(weights)
    return Loaded(weights.to(place).eval(), encoder_of(reads), described, card.calibration if card else None)


def _source(model: str | Path | None, adapter: Path | None) -> _Source:
    if model is None or model == NAME:
        used = adapter or (_packaged() if model is None else None)
        return _Source(str(pull()), used, f"{NAME} + adapter" if used else NAME, default=True)
    folder = Path(model)
    if not (folder / "adapter_config.json").is_file():
        return _Source(str(model), adapter, str(model))
    if adapter is not None:
        raise ModelError(f"{str(model)!r} is an adapter itself: give its base as the model, or no other adapter")
    base = read_card(folder).base
    return _Source(str(pull()) if base == DEFAULT_BASE else base, folder, str(model), default=base == DEFAULT_BASE)


def _packaged() -> Path | None:
    """Our adapter for the default model, where the package has one."""
    return PACKAGED_ADAPTER if (PACKAGED_ADAPTER / "adapter_config.json").is_file() else None


def _adapter_card(source: _Source) -> AdapterCard | None:
    if source.adapter is None:
        return _own_card(Path(source.base))
    card = read_card(source.adapter)
    check(card, base_hash=base_hash(_on_disk(source.base)))
    return card


def _own_card(folder: Path) -> AdapterCard | None:
    """The card that weights with an adapter merged into them bring with them."""
    if not (folder / CARD).is_file():
        return None
    card = read_card(folder)
    check(card, base_hash=base_hash(folder))
    return card


def _on_disk(base: str) -> Path:
    if Path(base).is_dir():
        return Path(base)
    from huggingface_hub import snapshot_download

    return Path(snapshot_download(base, allow_patterns=["*.safetensors"]))


def _config(base: str) -> Any:
    from transformers import AutoConfig

    try:
        return AutoConfig.from_pretrained(base, **_SAFE)
    except (OSError, ValueError) as error:
        raise ModelError(
            f"no model {base!r}: it is neither a folder with a model nor a hub id that can be reached from here. "
            f"Give a folder, or no model for the default one ({type(error).__name__})"
        ) from error


def _sees(config: Any, base: str) -> bool:
    """True of a vision model, False of a language model; others are refused."""
    from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES as LANGUAGE_MODELS

    if config.model_type in VISION_MODELS:
        return True
    if config.model_type in LANGUAGE_MODELS and getattr(config, "vision_config", None) is None:
        return False
    raise ModelError(
        f"{base!r} is a {config.model_type!r}, which is not supported: choose a language model (text in, text out) or "
        f"a vision model of the kinds {', '.join(VISION_MODELS)}"
    )


def _weights(base: str, dtype: "torch.dtype", adapter: Path | None, *, sees: bool) -> Any:
    """The weights. Those that get an adapter are read in fp32, to be rounded once, when both are one."""
    import torch
    from transformers import AutoModelForCausalLM, AutoModelForImageTextToText

    loader = AutoModelForImageTextToText if sees else AutoModelForCausalLM
    read = torch.float32 if adapter else dtype
    try:
        model = loader.from_pretrained(base, dtype=read, use_safetensors=True, **_SAFE)
    except (OSError, ValueError) as error:
        raise ModelError(f"the weights of {base!r} could not be loaded (only safetensors are): {error}") from error
    return model if adapter is None else _merged(model, adapter).to(dtype)


def _no_sampling(model: Any) -> Any:
    """Where replies end, and nothing else that the checkpoint suggests: `generate` would mix it into our settings."""
    from transformers import GenerationConfig

    return GenerationConfig(eos_token_id=model.generation_config.eos_token_id)


def _merged(model: Any, adapter: Path) -> Any:
    from peft import PeftModel

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # peft's own use of what transformers will rename
            return PeftModel.from_pretrained(model, str(adapter), use_safetensors=True).merge_and_unload()
    except (OSError, ValueError, RuntimeError) as error:
        raise ModelError(f"the adapter {str(adapter)!r} does not fit its base: {error}") from error


def _reads(base: str, *, sees: bool) -> Any:
    from transformers import AutoProcessor, AutoTokenizer

    try:
        return (AutoProcessor if sees else AutoTokenizer).from_pretrained(base, **_SAFE)
    except ImportError as error:
        raise MissingExtra(f"reading images with {base!r}", "vision") from error
    except (OSError, ValueError) as error:
        kind = "processor" if sees else "tokenizer"
        raise ModelError(f"the {kind} of {base!r} could not be loaded: {error}") from error


def _context(config: Any) -> int:
    """The most tokens that the model takes, prompt and reply together."""
    found = getattr(config.get_text_config(), "max_position_embeddings", None)
    if not found:
        raise ModelError(f"the configuration of this {config.model_type!r} does not say how long a prompt may be")
    return int(found)
