"""What stands between the products of a Llama's layers, compiled: each norm, rotation and gate in one pass.

Eager, each of them reads and writes all activations several times, which on a CPU takes longer than the products.
"""

from functools import cache
from typing import Any

import torch


def compile_between_products(model: Any) -> None:
    """Let the layers of `model` compute their norms, rotations and gates compiled. Other models stay as they are."""
    if model.config.model_type == "llama":
        _compile_llama()


@cache
def _compile_llama() -> None:
    from transformers.models.llama import modeling_llama as llama

    gate_times = torch.compile(_silu_times, dynamic=True)

    def gated(layer: Any, x: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = layer.down_proj(gate_times(layer.gate_proj(x), layer.up_proj(x)))
        return found

    llama.LlamaRMSNorm.forward = torch.compile(llama.LlamaRMSNorm.forward, dynamic=True)
    llama.apply_rotary_pos_emb = torch.compile(llama.apply_rotary_pos_emb, dynamic=True)
    llama.LlamaMLP.forward = gated


def _silu_times(gate: torch.Tensor, up: torch.Tensor) -> torch.Tensor:
    return torch.nn.functional.silu(gate) * up
