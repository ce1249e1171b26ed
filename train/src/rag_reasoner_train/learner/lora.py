"""An adapter's layer computed in as few passes over its activations as there are products.

peft multiplies, scales, adds and casts one after another, and each of these reads and writes all activations: on a CPU
they take longer than the products. Here the scale goes into the small matrix, and the adapter's product is added to the
base's where that is written. The numbers are peft's but for rounding.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch.autograd.function import once_differentiable

Forward = Callable[..., torch.Tensor]


def compute_in_one_pass(model: Any) -> None:
    """Let the adapters of `model` (without dropout, on plain linear layers) be computed so."""
    from peft.tuners.lora.layer import Linear

    for module in model.modules():
        if isinstance(module, Linear) and _plain(module):
            module.forward = partial(_forward, module, module.forward)


def _plain(module: Any) -> bool:
    dropouts = [one for one in module.lora_dropout.values() if getattr(one, "p", 0.0)]
    return not dropouts and not module.lora_variant and module.base_layer.bias is None


def _forward(module: Any, plain: Forward, x: torch.Tensor, *more: Any, **named: Any) -> torch.Tensor:
    """peft's own, where it is asked for several adapters or for none."""
    if module.disable_adapters or len(module.active_adapters) != 1:
        return plain(x, *more, **named)
    (name,), weight = module.active_adapters, module.base_layer.weight
    down, up = module.lora_A[name].weight, module.lora_B[name].weight
    given = x.to(weight.dtype), weight, down, up, module.scaling[name]
    found: torch.Tensor = _Adapted.apply(*given)  # type: ignore[no-untyped-call]
    return found


class _Adapted(torch.autograd.Function):
    """x W' + scale (x A') B' with W (out, in) fixed, A (rank, in) and B (out, rank) learned. x is (..., in)."""

    @staticmethod
    def forward(
        ctx: Any, x: torch.Tensor, weight: torch.Tensor, down: torch.Tensor, up: torch.Tensor, scale: float
    ) -> torch.Tensor:
        flat, a, b = x.reshape(-1, x.shape[-1]), down.to(x.dtype), (up * scale).to(x.dtype)
        low = flat @ a.t()
        found = (flat @ weight.t()).addmm_(low, b.t())
        ctx.save_for_backward(flat, weight, a, b, low)
        ctx.scale, ctx.shape, ctx.learned = scale, x.shape, down.dtype
        return found.view(*x.shape[:-1], -1)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        x, weight, a, b, low = ctx.saved_tensors
        given = gradient.reshape(-1, gradient.shape[-1])
        back = given @ b
        of_x = (given @ weight).addmm_(back, a).view(ctx.shape) if ctx.needs_input_grad[0] else None
        of_up = (given.t() @ low).to(ctx.learned) * ctx.scale
        return of_x, None, (back.t() @ x).to(ctx.learned), of_up, None
