"""Large convolutions over few pixels on a CPU, as a product with the weight as it lies in the file.

oneDNN brings a weight into its own order before each call, forward and backward. In the inner blocks of a UNet, where
weights of 30 to 120 MB meet 8×8 or 4×4 pixels, that takes longer than the convolution and as much memory again; with the
input unfolded into columns there is nothing to reorder. A half-precision weight stays so and becomes float32, exactly, a
few rows at a time: that costs no time, since less is read, and half the memory. Measured in docs/benchmarks.md.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

MIN_WEIGHTS = 5_000_000
MAX_PIXELS, MAX_PIXELS_HALF = 100, 300
ROWS = 64


def is_large(shape: Sequence[int]) -> bool:
    """Whether a weight of that shape is one of those that are multiplied here."""
    return len(shape) == 4 and shape[2] > 1 and math.prod(shape) >= MIN_WEIGHTS


def use_small_convolutions(model: nn.Module) -> None:
    """Gives a frozen model's large convolutions a forward that takes this way where the pixels are few."""
    for module in model.modules():
        if type(module) is nn.Conv2d and is_large(module.weight.shape) and module.groups == 1:
            module.forward = functools.partial(_forward, module)


def use_plain_convolutions(model: nn.Module, dtype: torch.dtype) -> None:
    """Takes that back, with all weights in `dtype`, as a GPU wants them."""
    for module in model.modules():
        if type(module) is nn.Conv2d and is_large(module.weight.shape):
            module.__dict__.pop("forward", None)
            module.weight.data = module.weight.data.to(dtype)


def _forward(module: nn.Conv2d, x: torch.Tensor) -> torch.Tensor:
    """x: [B, in, h, w]; the same as nn.Conv2d's forward but for the order of summation."""
    height, width = (
        (size + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1
        for size, padding, dilation, kernel, stride in zip(
            x.shape[2:], module.padding, module.dilation, module.kernel_size, module.stride, strict=True
        )
    )
    limit = MAX_PIXELS if module.weight.dtype == torch.float32 else MAX_PIXELS_HALF
    plain_type = x.dtype == torch.float32 and not torch.is_autocast_enabled(x.device.type)
    if len(x) * height * width > limit or x.device.type != "cpu" or not plain_type:
        return F.conv2d(x, module.weight.to(x.dtype), module.bias, module.stride, module.padding, module.dilation)
    columns = F.unfold(x, module.kernel_size, module.dilation, module.padding, module.stride)
    out = _Product.apply(columns.transpose(0, 1).flatten(1), module.weight.flatten(1))
    if module.bias is not None:
        out = out.add_(module.bias[:, None])
    return out.view(-1, len(x), height, width).transpose(0, 1)


class _Product(torch.autograd.Function):
    """weight [out, k] @ columns [k, n], with a gradient for the columns alone."""

    @staticmethod
    def forward(ctx: Any, columns: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        ctx.save_for_backward(weight)
        if weight.dtype == columns.dtype:
            return weight @ columns
        out = columns.new_empty(len(weight), columns.shape[1])
        for start, rows in _rows(weight):
            torch.mm(rows, columns, out=out[start : start + len(rows)])
        return out

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor, None]:
        (weight,) = ctx.saved_tensors
        if weight.dtype == gradient.dtype:
            return weight.t() @ gradient, None
        out = gradient.new_zeros(weight.shape[1], gradient.shape[1])
        for start, rows in _rows(weight):
            out.addmm_(rows.t(), gradient[start : start + len(rows)])
        return out, None


def _rows(weight: torch.Tensor) -> Any:
    """The weight in pieces of some rows, as float32, all through one buffer."""
    buffer = torch.empty(min(ROWS, len(weight)), weight.shape[1])
    for start in range(0, len(weight), ROWS):
        piece = weight[start : start + ROWS]
        yield start, buffer[: len(piece)].copy_(piece)
