"""LoRA (Hu et al. 2021) on a frozen model's own Linear and Conv2d modules, with kohya's names and scale, and DyLoRA.

A trained module's forward is replaced on the instance: y = base(x) + scale · up(down(x)). The scale, multiplier included,
is a factor of the last product, so nothing of full width is multiplied; a multiplier of 0 puts the plain forward back.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from ..randomness import generator
from .choice import Placed
from .modules import TrainedModule
from .targets import Target


class LoraModule(TrainedModule):
    """The two factors of one module. down [rank, in] or [rank, in, k, k]; up [out, rank] or [out, rank, 1, 1]."""

    def __init__(self, placed: Placed, base: nn.Module, seed: int) -> None:
        super().__init__(placed, base)
        device = base.weight.device
        self.down = nn.Parameter(_initial_down(self.target, placed.shapes["lora_down.weight"], seed).to(device))
        self.up = nn.Parameter(torch.zeros(placed.shapes["lora_up.weight"], device=device))

    @property
    def scale(self) -> float:
        """alpha / rank, without the multiplier."""
        return self.alpha / self.rank

    def numbers(self) -> dict[str, torch.Tensor]:
        return {"lora_down.weight": self.down, "lora_up.weight": self.up}

    def ups(self) -> list[nn.Parameter]:
        return [self.up]

    def trained_forward(self, x: torch.Tensor, *_others: Any) -> torch.Tensor:
        return self.forward_linear(x) if self.target.kind == "linear" else self.forward_conv(x)

    def forward_linear(self, x: torch.Tensor, *_others: Any) -> torch.Tensor:
        """x: [..., in]. One addmm adds the product to the base's output in place: no tensor of full width beside it."""
        flat = x.reshape(-1, x.shape[-1])
        out = self.base_forward(flat)
        if not self.dropped_out():
            hidden = F.linear(flat.to(out.dtype), self.down.to(out.dtype))
            scale = self.scale * self.multiplier
            if self.training and (self.dropout or self.rank_dropout):
                hidden, scale = self._drop(hidden.view(*x.shape[:-1], -1), scale)
                hidden = hidden.view(-1, self.rank)
            out = out.addmm_(hidden, self.up.to(out.dtype).t(), alpha=scale)
        return out.view(*x.shape[:-1], out.shape[-1])

    def forward_conv(self, x: torch.Tensor, *_others: Any) -> torch.Tensor:
        """x: [B, in, h, w]."""
        base, out = self.base, self.base_forward(x)
        if self.dropped_out():
            return out
        hidden = F.conv2d(x.to(out.dtype), self.down.to(out.dtype), None, base.stride, base.padding, base.dilation)
        scale = self.scale * self.multiplier
        if self.training and (self.dropout or self.rank_dropout):
            hidden, scale = self._drop(hidden, scale)
        up = self.up.to(out.dtype).flatten(1).expand(len(x), -1, -1)
        return torch.baddbmm(out.flatten(2), up, hidden.flatten(2), alpha=scale).view(out.shape)

    def _drop(self, hidden: torch.Tensor, scale: float) -> tuple[torch.Tensor, float]:
        """dropout of single values; rank_dropout of whole ranks a picture, the others made up for it by the scale."""
        if self.dropout:
            hidden = F.dropout(hidden, self.dropout)
        if self.rank_dropout:
            axis = 1 if self.target.kind == "conv" else hidden.ndim - 1
            shape = [1] * hidden.ndim
            shape[0], shape[axis] = hidden.shape[0], self.rank
            hidden = hidden * (torch.rand(shape).to(hidden.device) > self.rank_dropout)
            scale /= 1.0 - self.rank_dropout
        return hidden, scale

    @torch.no_grad()
    def norm_squared(self) -> torch.Tensor:
        """‖scale · up · down‖² (Frobenius) as tr((upᵀup)(down downᵀ)): no product of full size is built."""
        up, down = self.up.flatten(1), self.down.flatten(1)
        return ((up.t() @ up) * (down @ down.t())).sum() * self.scale**2

    @torch.no_grad()
    def shrink(self, ratio: torch.Tensor) -> None:
        root = ratio.sqrt()
        self.down.mul_(root)
        self.up.mul_(root)


class DyLoraModule(TrainedModule):
    """DyLoRA (Valipour et al. 2022): at each step the first ranks up to one drawn act, and the newest `unit` of them learn.

    So it can be cut to any multiple of `unit` afterwards. Each unit has parameters of its own, so that those that are not
    drawn stay as they are, whatever the optimizer does with a gradient of 0. Its file is a plain LoRA's.
    """

    def __init__(self, placed: Placed, base: nn.Module, seed: int, unit: int) -> None:
        super().__init__(placed, base)
        self.unit, device = unit, base.weight.device
        down = _initial_down(self.target, placed.shapes["lora_down.weight"], seed).to(device)
        up = torch.zeros(placed.shapes["lora_up.weight"], device=device)
        self.downs = nn.ParameterList([nn.Parameter(part.clone()) for part in down.split(unit)])
        self.up_parts = nn.ParameterList([nn.Parameter(part.clone()) for part in up.split(unit, dim=1)])

    @property
    def scale(self) -> float:
        """alpha / rank, without the multiplier."""
        return self.alpha / self.rank

    def numbers(self) -> dict[str, torch.Tensor]:
        return {"lora_down.weight": torch.cat(list(self.downs)), "lora_up.weight": torch.cat(list(self.up_parts), dim=1)}

    def take(self, suffix: str, tensor: torch.Tensor) -> None:
        parts, axis = (self.downs, 0) if suffix == "lora_down.weight" else (self.up_parts, 1)
        for own, part in zip(parts, tensor.split(self.unit, dim=axis), strict=True):
            own.copy_(part)

    def ups(self) -> list[nn.Parameter]:
        return list(self.up_parts)

    def trained_forward(self, x: torch.Tensor, *_others: Any) -> torch.Tensor:
        """x: [..., in] or [B, in, h, w]."""
        out = self.base_forward(x)
        if self.dropped_out():
            return out
        down, up, used = self._drawn() if self.training else (*self.numbers().values(), self.rank)
        # The fewer ranks act, the more each counts, so that the whole is as large as with all of them.
        scale = self.scale * (self.rank / used) ** 0.5 * self.multiplier
        x, down, up = x.to(out.dtype), down.to(out.dtype), up.to(out.dtype)
        if self.target.kind == "linear":
            return out + F.linear(F.linear(x, down), up) * scale
        base = self.base
        return out + F.conv2d(F.conv2d(x, down, None, base.stride, base.padding, base.dilation), up) * scale

    def _drawn(self) -> tuple[torch.Tensor, torch.Tensor, int]:
        """(down, up, ranks) of the drawn number of units; the last unit alone has gradients."""
        last = int(torch.randint(len(self.downs), (1,)))
        down = torch.cat([*(part.detach() for part in self.downs[:last]), self.downs[last]])
        up = torch.cat([*(part.detach() for part in self.up_parts[:last]), self.up_parts[last]], dim=1)
        return down, up, (last + 1) * self.unit

    @torch.no_grad()
    def norm_squared(self) -> torch.Tensor:
        up, down = (tensor.flatten(1) for tensor in reversed(self.numbers().values()))
        return ((up.t() @ up) * (down @ down.t())).sum() * self.scale**2

    @torch.no_grad()
    def shrink(self, ratio: torch.Tensor) -> None:
        root = ratio.sqrt()
        for part in (*self.downs, *self.up_parts):
            part.mul_(root)


def _initial_down(target: Target, shape: Sequence[int], seed: int) -> torch.Tensor:
    """Kaiming-uniform with a = √5, that is uniform within ±1/√inputs, keyed by the module's name."""
    bound = (target.in_ * target.kernel**2) ** -0.5
    drawn = generator(seed, f"lora_down {target.name}").random(tuple(shape), dtype=np.float32)
    return torch.from_numpy(drawn * np.float32(2 * bound) - np.float32(bound))
