"""Convolutions over few pixels on a CPU, as one product with the weight as it lies in memory.

oneDNN brings a weight into its own order before each call, forward and backward. In the inner blocks of a UNet, where
weights of 60 to 120 MB meet 8×8 or 4×4 pixels, that takes longer than the convolution and as much memory again; with the
input unfolded into columns there is nothing to reorder. Measured with `benchmarks/train_step.py`, see docs/benchmarks.md.
"""

from __future__ import annotations

import functools
import math

import torch
import torch.nn.functional as F
from torch import nn

MAX_PIXELS = 100
MIN_WEIGHTS = 1_000_000


def use_small_convolutions(model: nn.Module) -> None:
    """Gives the large 3×3 convolutions of a frozen model on a CPU a forward that takes this way where the pixels are few."""
    for module in model.modules():
        if isinstance(module, nn.Conv2d) and _fits(module):
            module.forward = functools.partial(forward, module)


def _fits(module: nn.Conv2d) -> bool:
    weight = module.weight
    return (
        weight.device.type == "cpu"
        and weight.dtype == torch.float32
        and not weight.requires_grad
        and weight.numel() >= MIN_WEIGHTS
        and module.kernel_size[0] > 1
        and module.groups == 1
        and module.padding_mode == "zeros"
        and not isinstance(module.padding, str)
    )


def forward(module: nn.Conv2d, x: torch.Tensor) -> torch.Tensor:
    """x: [B, in, h, w]; the same as nn.Conv2d's forward but for the order of summation."""
    height, width = (
        (size + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1
        for size, padding, dilation, kernel, stride in zip(
            x.shape[2:], module.padding, module.dilation, module.kernel_size, module.stride, strict=True
        )
    )
    if len(x) * height * width > MAX_PIXELS or x.dtype != torch.float32 or torch.is_autocast_enabled(x.device.type):
        return nn.Conv2d.forward(module, x)
    columns = F.unfold(x, module.kernel_size, module.dilation, module.padding, module.stride)
    columns = columns.transpose(0, 1).reshape(math.prod(module.weight.shape[1:]), -1)
    weight = module.weight.flatten(1)
    out = weight @ columns if module.bias is None else torch.addmm(module.bias[:, None], weight, columns)
    return out.view(-1, len(x), height, width).transpose(0, 1)
