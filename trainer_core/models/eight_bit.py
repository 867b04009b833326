"""Frozen weights kept in 8 bits and computed with in the run's precision: half or a quarter of the memory.

Each output's weights have a scale of their own, so that their largest fits the 8 bits: numbers are 1/127 of it apart as int8,
and have 3 bits behind the point as float8_e4m3. They become full numbers where they are used, forward and backward, and
nothing of that is kept in between. The gradient is that of the 8-bit weight; the weight itself has none.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

KINDS: dict[str, torch.dtype] = {"fp8": torch.float8_e4m3fn, "int8": torch.int8}
_LARGEST = {torch.float8_e4m3fn: 448.0, torch.int8: 127.0}
_CODES, _SCALE = "codes", "scale"
# What the model begins and ends with is small, and its errors would be seen in every pixel.
_LEFT_OUT = ("conv_in", "conv_out", "time_embedding.", "add_embedding.", "text_projection")
_MIN_WEIGHTS = 4096


class _EightBit:
    """Adds to nn.Linear or nn.Conv2d: `weight`, in full precision whenever it is asked for, made of codes and scales."""

    codes: torch.Tensor
    scale: torch.Tensor

    @property
    def weight(self) -> torch.Tensor:
        return self.weight_in(torch.float32)

    def weight_in(self, dtype: torch.dtype) -> torch.Tensor:
        return _full(self.codes, self.scale, dtype)


class EightBitLinear(_EightBit, nn.Linear):
    def forward(self, input: torch.Tensor) -> torch.Tensor:
        dtype = _computed_in(input)
        return _Linear.apply(input.to(dtype), self.codes, self.scale, _bias(self, dtype))


class EightBitConv2d(_EightBit, nn.Conv2d):
    def forward(self, input: torch.Tensor) -> torch.Tensor:
        dtype = _computed_in(input)
        options = self.stride, self.padding, self.dilation, self.groups
        return _Convolution.apply(input.to(dtype), self.codes, self.scale, _bias(self, dtype), options)


def make_eight_bit(model: nn.Module, kind: str) -> list[str]:
    """Changes the model's larger Linear and Conv2d modules, still on the meta device; returns their names.

    Their weights are given as `codes` and `scale` of `to_eight_bit`.
    """
    names = []
    for name, module in model.named_modules():
        if type(module) in (nn.Linear, nn.Conv2d) and module.weight.numel() >= _MIN_WEIGHTS and not name.startswith(_LEFT_OUT):
            shape = module.weight.shape
            del module.weight
            module.__class__ = EightBitLinear if isinstance(module, nn.Linear) else EightBitConv2d
            module.register_buffer(_CODES, torch.empty(shape, dtype=KINDS[kind], device="meta"))
            module.register_buffer(_SCALE, torch.empty((shape[0], *[1] * (len(shape) - 1)), device="meta"))
            names.append(name)
    return names


def to_eight_bit(name: str, weight: torch.Tensor, kind: str) -> dict[str, torch.Tensor]:
    """{tensor name in the model: tensor} of a weight [out, …]."""
    dtype, values = KINDS[kind], weight.float()
    scale = values.flatten(1).abs().amax(dim=1).clamp(min=1e-12).div(_LARGEST[dtype])
    scale = scale.view(-1, *[1] * (weight.dim() - 1))
    codes = values / scale
    return {f"{name}.{_CODES}": (codes.round_() if dtype == torch.int8 else codes).to(dtype), f"{name}.{_SCALE}": scale}


def kept_weight(module: Any) -> tuple[torch.Tensor, ...]:
    """What a module of either kind keeps its weight as, for `put_back`."""
    return (module.codes, module.scale) if isinstance(module, _EightBit) else (module.weight.data,)


def put_back(module: Any, kept: tuple[torch.Tensor, ...]) -> None:
    """Gives a module the weight back that it had, to the bit."""
    if isinstance(module, _EightBit):
        module.codes, module.scale = kept
    else:
        (module.weight.data,) = kept


def set_weight(module: Any, weight: torch.Tensor) -> None:
    """Another weight of the same shape, in 8 bits where the module keeps it so."""
    if isinstance(module, _EightBit):
        kind = next(kind for kind, dtype in KINDS.items() if dtype == module.codes.dtype)
        module.codes, module.scale = to_eight_bit("", weight, kind).values()
    else:
        module.weight.data = weight


def _full(codes: torch.Tensor, scale: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    return codes.to(dtype).mul_(scale.to(dtype))


def _computed_in(x: torch.Tensor) -> torch.dtype:
    kind = x.device.type
    return torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else x.dtype


def _bias(module: Any, dtype: torch.dtype) -> torch.Tensor | None:
    return None if module.bias is None else module.bias.to(dtype)


class _Linear(torch.autograd.Function):
    """x [..., in] → [..., out], with a gradient for x alone."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, codes: torch.Tensor, scale: torch.Tensor, bias: torch.Tensor | None) -> torch.Tensor:
        ctx.save_for_backward(codes, scale)
        return F.linear(x, _full(codes, scale, x.dtype), bias)

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        codes, scale = ctx.saved_tensors
        return gradient @ _full(codes, scale, gradient.dtype), None, None, None


class _Convolution(torch.autograd.Function):
    """x [B, in, h, w] → [B, out, h, w], with a gradient for x alone."""

    @staticmethod
    def forward(
        ctx: Any, x: torch.Tensor, codes: torch.Tensor, scale: torch.Tensor, bias: torch.Tensor | None, options: tuple[Any, ...]
    ) -> torch.Tensor:
        ctx.save_for_backward(codes, scale)
        ctx.shape, ctx.options = x.shape, options
        return F.conv2d(x, _full(codes, scale, x.dtype), bias, *options)

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        codes, scale = ctx.saved_tensors
        weight = _full(codes, scale, gradient.dtype)
        stride, padding, dilation, groups = ctx.options
        return (
            torch.nn.grad.conv2d_input(ctx.shape, weight, gradient, stride, padding, dilation, groups),
            None,
            None,
            None,
            None,
        )
