"""One trained module of a network, of any kind but plain LoRA: its numbers, and the base's forward with them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from ..randomness import generator, normal
from .choice import Placed
from .kind_shapes import scale_of
from .kind_targets import IA3_ON_INPUT
from .rebuilt import rebuilt_forward
from .weights import adds, bias_difference, changed_weight, difference, factors


class TrainedModule(nn.Module):
    """What all kinds share: where the module is put, and how strongly it acts.

    Subclasses have `numbers` (the trained tensors by their suffix in the file) and `forward_…` functions.
    """

    def __init__(self, placed: Placed, base: nn.Module) -> None:
        super().__init__()
        self.placed, self.target = placed, placed.target
        self.rank, self.alpha = placed.rank, float(placed.alpha)
        self.multiplier = 1.0
        self.dropout: float | None = None
        self.rank_dropout: float | None = None
        self.module_dropout: float | None = None
        self.rank_dropout_scale = False
        self._base = [base]  # in a list, so that the frozen module isn't registered as a part of this one
        self._replaced = base.__dict__.get("forward")

    @property
    def base(self) -> Any:
        return self._base[0]

    def numbers(self) -> dict[str, torch.Tensor]:
        """{suffix in the file: tensor} of what is trained."""
        raise NotImplementedError

    def constants(self) -> dict[str, torch.Tensor]:
        """{suffix in the file: tensor} of what isn't."""
        return {"alpha": torch.tensor(self.alpha)} if self.placed.has_alpha else {}

    def take(self, suffix: str, tensor: torch.Tensor) -> None:
        """Takes a file's numbers; the shape is right."""
        self.numbers()[suffix].copy_(tensor)

    def ups(self) -> list[nn.Parameter]:
        """Those parameters that LoRA+ trains faster."""
        return []

    def norm_squared(self) -> torch.Tensor | None:
        """‖the whole difference‖² (Frobenius), without the multiplier; None where the kind adds nothing to the weight."""
        raise NotImplementedError

    def shrink(self, ratio: torch.Tensor) -> None:
        """Makes the whole difference `ratio` times as large."""
        raise NotImplementedError

    def trained_forward(self, x: torch.Tensor, *others: Any) -> torch.Tensor:
        raise NotImplementedError

    def attach(self) -> None:
        """Puts this module's forward in place of the frozen one's, or back where the multiplier is 0."""
        if self.multiplier == 0:
            self.detach()
        else:
            self.base.forward = self.trained_forward

    def detach(self) -> None:
        self.base.__dict__.pop("forward", None)
        if self._replaced:
            self.base.forward = self._replaced

    def base_forward(self, x: torch.Tensor) -> torch.Tensor:
        return self._replaced(x) if self._replaced else type(self.base).forward(self.base, x)

    def dropped_out(self) -> bool:
        """module_dropout: the whole module is left out of this step."""
        return bool(self.training and self.module_dropout) and torch.rand(1).item() < self.module_dropout


class WeightModule(TrainedModule):
    """A module that changes its base's weight by the formula of its kind (see `weights`)."""

    def __init__(self, placed: Placed, base: nn.Module, seed: int) -> None:
        super().__init__(placed, base)
        self.names = tuple(suffix for suffix in placed.shapes if suffix != "on_input")
        device = base.weight.device
        first = (_first_numbers(placed, suffix, base.weight, seed).to(device) for suffix in self.names)
        self.values = nn.ParameterList([nn.Parameter(one) for one in first])
        if "on_input" in placed.shapes:
            self.register_buffer("on_input", torch.tensor(int(placed.target.module.endswith(IA3_ON_INPUT))), persistent=False)

    def numbers(self) -> dict[str, torch.Tensor]:
        return dict(zip(self.names, self.values, strict=True))

    def constants(self) -> dict[str, torch.Tensor]:
        fixed = {"on_input": self.on_input} if "on_input" in self.placed.shapes else {}
        return {**super().constants(), **fixed}

    def ups(self) -> list[nn.Parameter]:
        return [value for name, value in zip(self.names, self.values, strict=True) if name == "lora_up.weight"]

    def trained_forward(self, x: torch.Tensor, *_others: Any) -> torch.Tensor:
        """x: [..., in] or [B, in, h, w]."""
        if self.dropped_out():
            return self.base_forward(x)
        kept = self._kept_outputs(x.device)
        if self.target.kind == "norm":
            return self._normalised(x, kept)

        def rebuild(values: Sequence[torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor | None]:
            return self._layer(values, kept)

        return rebuilt_forward(self.base, rebuild, x, list(self.values))

    def _layer(self, values: Sequence[torch.Tensor], kept: torch.Tensor | None) -> tuple[torch.Tensor, torch.Tensor | None]:
        tensors = self._tensors(values)
        base = self.base.weight.detach()
        weight = changed_weight(tensors, base, scale_of(tensors, self.alpha))
        if self.multiplier != 1 or kept is not None:
            own = base.float()
            change = (weight - own) * self.multiplier
            weight = own + (change if kept is None else change * kept.view(-1, *[1] * (change.dim() - 1)))
        bias, more = self.base.bias, bias_difference(tensors)
        if bias is None or more is None:
            return weight, bias
        more = more * self.multiplier
        return weight, bias.detach().float() + (more if kept is None else more * kept)

    def _normalised(self, x: torch.Tensor, kept: torch.Tensor | None) -> torch.Tensor:
        base, tensors = self.base, self.numbers()
        strength = self.multiplier if kept is None else self.multiplier * kept
        weight = base.weight + (tensors["w_norm"] * strength).to(base.weight.dtype)
        bias = base.bias + (tensors["b_norm"] * strength).to(base.bias.dtype)
        if isinstance(base, nn.GroupNorm):
            return F.group_norm(x, base.num_groups, weight, bias, base.eps)
        return F.layer_norm(x, base.normalized_shape, weight, bias, base.eps)

    def _kept_outputs(self, device: torch.device) -> torch.Tensor | None:
        """rank_dropout as LyCORIS has it where there is no rank to drop: rows of the difference, one for each output."""
        if not (self.training and self.rank_dropout):
            return None
        kept = (torch.rand(self.target.out) > self.rank_dropout).float()
        if self.rank_dropout_scale:
            kept = kept / kept.mean().clamp(min=1 / len(kept))
        return kept.to(device)

    def _tensors(self, values: Sequence[torch.Tensor]) -> dict[str, torch.Tensor]:
        fixed = {"on_input": self.on_input} if "on_input" in self.placed.shapes else {}
        return {**dict(zip(self.names, values, strict=True)), **fixed}

    @torch.no_grad()
    def norm_squared(self) -> torch.Tensor | None:
        tensors = self._tensors(list(self.values))
        if not factors(tensors) or not adds(tensors):
            return None
        return difference(tensors, self.base.weight, scale_of(tensors, self.alpha)).square().sum()

    @torch.no_grad()
    def shrink(self, ratio: torch.Tensor) -> None:
        own = set(factors(self.numbers()))
        for name, value in zip(self.names, self.values, strict=True):
            if name in own:
                value.mul_(ratio ** (1 / len(own)))


# How LyCORIS begins: "uniform" within ±1/√inputs, normal with a deviation, or all 0, so that nothing is changed at first.
_FIRST: Mapping[str, str | float] = {
    "lora_down.weight": "uniform",
    "lora_mid.weight": "uniform",
    "hada_w1_a": 0.1,
    "hada_w1_b": 1.0,
    "hada_w2_b": 1.0,
    "hada_t1": 0.1,
    "hada_t2": 0.1,
    "lokr_w1": "uniform",
    "lokr_w1_a": "uniform",
    "lokr_w1_b": "uniform",
    "lokr_w2_a": "uniform",
    "lokr_t2": "uniform",
    "a2.weight": "uniform",
    "b2.weight": "uniform",
}


def _first_numbers(placed: Placed, suffix: str, weight: torch.Tensor, seed: int) -> torch.Tensor:
    """What a tensor begins with, keyed by seed, suffix and the module's name."""
    shape = placed.shapes[suffix]
    if suffix == "rescale":
        return torch.ones(shape)
    if suffix == "dora_scale":
        axes = [axis for axis in range(weight.dim()) if axis != (1 if shape[0] == 1 else 0)]
        return weight.detach().float().square().sum(dim=axes, keepdim=True).sqrt().reshape(shape)
    how = _FIRST.get(suffix)
    if how is None:
        return torch.zeros(shape)
    what = f"{suffix.removesuffix('.weight')} {placed.target.name}"
    if isinstance(how, float):
        return torch.from_numpy(normal(shape, seed, what)) * how
    bound = np.float32(np.prod(shape[1:]) ** -0.5)
    drawn = generator(seed, what).random(tuple(shape), dtype=np.float32)
    return torch.from_numpy(drawn * (2 * bound) - bound)
