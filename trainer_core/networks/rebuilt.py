"""A layer whose weight is computed anew at each step from trained numbers, without keeping it until the gradients come.

autograd alone would keep every changed weight and all products that led to it, several times the model's own size. Here only
the input and the trained numbers are kept; the weight is computed a second time for the gradients.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

# (weight, bias) of the layer from the trained numbers.
Rebuild = Callable[[Sequence[torch.Tensor]], tuple[torch.Tensor, torch.Tensor | None]]


def rebuilt_forward(base: nn.Module, rebuild: Rebuild, x: torch.Tensor, numbers: Sequence[torch.Tensor]) -> torch.Tensor:
    """The output of `base` (Linear or Conv2d) with the weight and bias that `rebuild` makes of `numbers`.

    x: [..., in] or [B, in, h, w]; computed in autocast's precision where that is on, else in x's.
    """
    device = x.device.type
    dtype = torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else x.dtype
    return _Rebuilt.apply(base, rebuild, dtype, x.to(dtype), *numbers)


class _Rebuilt(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, base: Any, rebuild: Rebuild, dtype: torch.dtype, x: torch.Tensor, *numbers: torch.Tensor) -> Any:
        ctx.base, ctx.rebuild = base, rebuild
        ctx.save_for_backward(x, *numbers)
        weight, bias = rebuild(numbers)
        with torch.autocast(x.device.type, enabled=False):
            return _layer(base, x, weight.to(dtype), None if bias is None else bias.to(dtype))

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> Any:
        x, *numbers = ctx.saved_tensors
        needs_x, needs = ctx.needs_input_grad[3], ctx.needs_input_grad[4:]
        leaves = [number.detach().requires_grad_(need) for number, need in zip(numbers, needs, strict=True)]
        with torch.enable_grad(), torch.autocast(x.device.type, enabled=False):
            weight, bias = ctx.rebuild(leaves)
            x_leaf = x.detach().requires_grad_(needs_x)
            made = [weight, bias] if bias is not None and bias.requires_grad else [weight]
            ends = [one.detach().to(gradient.dtype).requires_grad_(one.requires_grad) for one in made]
            out = _layer(ctx.base, x_leaf, ends[0], ends[1] if len(ends) > 1 else None)
            wanted = [one for one in (x_leaf, *ends) if one.requires_grad]
            found = iter(torch.autograd.grad(out, wanted, gradient))
            x_gradient = next(found) if needs_x else None
            ways = [(one, next(found).to(one.dtype)) for one in made if one.requires_grad]
            trained = [leaf for leaf in leaves if leaf.requires_grad]
            own = iter(torch.autograd.grad([one for one, _ in ways], trained, [way for _, way in ways]) if trained else ())
        return None, None, None, x_gradient, *(next(own) if leaf.requires_grad else None for leaf in leaves)


def _layer(base: Any, x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None) -> torch.Tensor:
    if weight.dim() == 2:
        return F.linear(x, weight, bias)
    return F.conv2d(x, weight, bias, base.stride, base.padding, base.dilation, base.groups)
