"""Where a model runs and in which precision, where the caller does not say."""

from typing import TYPE_CHECKING

from rag_reasoner.errors import ModelError

if TYPE_CHECKING:
    import torch


def device_for(asked: str | None) -> "torch.device":
    """The device asked for, else the best one here."""
    import torch

    best = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    try:
        return torch.device(asked or best)
    except RuntimeError as error:
        raise ModelError(f"unknown device {asked!r}: say cpu, cuda, cuda:1 or mps") from error


def dtype_for(asked: str | None, device: "torch.device") -> "torch.dtype":
    """The precision asked for, else bf16 where the device computes in it, else fp32."""
    import torch

    known = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
    if asked is not None and asked not in known:
        raise ModelError(f"unknown dtype {asked!r}: say {', '.join(known)}")
    if asked is not None:
        return known[asked]
    fast = _cpu_has_bf16() if device.type == "cpu" else device.type != "cuda" or torch.cuda.is_bf16_supported()
    return torch.bfloat16 if fast else torch.float32


def _cpu_has_bf16() -> bool:
    """AVX512-BF16 or AMX. torch asks the processor itself, under names that older releases do not all have."""
    import torch

    asks = (getattr(torch.cpu, name, None) for name in ("_is_avx512_bf16_supported", "_is_amx_tile_supported"))
    return any(ask() for ask in asks if ask)
