"""A page retriever's checkpoint, from a folder or a hub id: its weights, its processor, and what it is."""

import json
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rag_reasoner.backends.local.device import device_for, dtype_for
from rag_reasoner.errors import MissingExtra, ModelError
from rag_reasoner.models.quiet import quiet
from rag_reasoner.retrieve.colpali.families import Family, family_of
from rag_reasoner.retrieve.colpali.identity import fingerprint
from rag_reasoner.torchvision_guard import guard

if TYPE_CHECKING:
    import torch

EXTRA = "colpali"

_CONFIG, _ADAPTER = "config.json", "adapter_config.json"
_FILES = ["*.json", "*.safetensors", "*.model", "*.txt", "*.jinja"]
"""What is fetched of a hub id: never code, never pickled weights."""

_UNUSED = "vision_model.head."
"""SigLIP's pooling head: no page retriever asks for what it gives, so a checkpoint may leave it out."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """A model ready to encode. `fingerprint` tells it from every model whose vectors must not be mixed with its."""

    model: Any
    processor: Any
    family: Family
    name: str
    fingerprint: str


def load(model: str | Path, *, device: str | None = None, dtype: str | None = None) -> Loaded:
    """`model`: a folder or a hub id, of a whole checkpoint or of a LoRA adapter that names its base.

    Raises MissingExtra where a needed package is not installed, ModelError where it cannot be loaded or is no known
    page retriever.
    """
    for needed in ("torch", "transformers"):
        if find_spec(needed) is None:
            raise MissingExtra("encoding page images", EXTRA)
    guard()
    with quiet():
        return _load(str(model), device, dtype)


def _load(name: str, device: str | None, dtype: str | None) -> Loaded:
    place = device_for(device)
    folder = _on_disk(name)
    base = _base(folder, name)
    family = family_of(_read(base / _CONFIG, name), name)
    home = _home(family)
    weights = _weights(getattr(home, family.architecture), folder, dtype_for(dtype, place), name)
    processor = _processor(getattr(home, family.processor), folder, name)
    known = fingerprint([folder] if base == folder else [base, folder])
    return Loaded(weights.to(place).eval(), processor, family, name, known)


def _on_disk(name: str) -> Path:
    if Path(name).is_dir():
        return Path(name)
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(name, allow_patterns=_FILES))
    except (OSError, ValueError) as error:
        raise ModelError(
            f"no model {name!r}: it is neither a folder with a model nor a hub id that can be reached from here "
            f"({type(error).__name__})"
        ) from error


def _base(folder: Path, name: str) -> Path:
    """The folder of the weights that an adapter is for; `folder` itself where it is no adapter."""
    if (folder / _CONFIG).is_file() or not (folder / _ADAPTER).is_file():
        return folder
    base = _read(folder / _ADAPTER, name).get("base_model_name_or_path")
    if not base:
        raise ModelError(f"{name!r} is an adapter that does not name its base: give the whole model")
    return _on_disk(str(base))


def _read(path: Path, name: str) -> dict[str, Any]:
    try:
        return dict(json.loads(path.read_bytes()))
    except (OSError, ValueError, TypeError) as error:
        raise ModelError(f"{name!r} is no model: its {path.name} is missing or damaged") from error


def _home(family: Family) -> Any:
    try:
        return import_module(family.home)
    except ImportError as error:
        raise MissingExtra(f"a {family.architecture} checkpoint", EXTRA) from error


def _weights(loader: Any, folder: Path, dtype: "torch.dtype", name: str) -> Any:
    """The model with the weights in `folder`: all of them, as transformers makes up at random what is missing."""
    from huggingface_hub.errors import StrictDataclassError
    from safetensors import SafetensorError

    options = {"dtype": dtype, "use_safetensors": True, "output_loading_info": True}
    try:
        model, told = loader.from_pretrained(str(folder), **options)
    except (OSError, ValueError, RuntimeError, SafetensorError, StrictDataclassError) as error:
        raise ModelError(f"the weights of {name!r} could not be loaded (only safetensors are): {error}") from error
    if missing := sorted(one for one in told["missing_keys"] if _UNUSED not in one):
        raise ModelError(
            f"the weights of {name!r} lack {len(missing):,} tensors of a {loader.__name__}, {missing[0]!r} among them: "
            "give a whole page retriever"
        )
    return model


def _processor(loader: Any, folder: Path, name: str) -> Any:
    try:
        return loader.from_pretrained(str(folder))
    except ImportError as error:
        raise MissingExtra(f"the images of {name!r}", EXTRA) from error
    except (OSError, ValueError) as error:
        raise ModelError(f"the processor of {name!r} could not be loaded: {error}") from error
