"""LoRA (Hu et al. 2021) on a frozen model's own Linear and Conv2d modules, with kohya's names and scale.

A trained module's forward is replaced on the instance: y = base(x) + scale · up(down(x)). The scale, multiplier included,
is a factor of the last product, so nothing of full width is multiplied; a multiplier of 0 puts the plain forward back.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from ..optimizer_table import ParameterGroup
from ..problems import UserError
from ..randomness import generator
from .targets import Part, Target, family_prefix


class LoraModule(nn.Module):
    """The two factors of one module. down [rank, in] or [rank, in, k, k]; up [out, rank] or [out, rank, 1, 1]."""

    def __init__(self, target: Target, base: nn.Module, rank: int, alpha: float, seed: int) -> None:
        super().__init__()
        self.target, self.rank, self.alpha = target, rank, float(alpha or rank)
        shapes = target.shapes(rank, rank)
        down = _initial_down(target, shapes[f"{target.name}.lora_down.weight"], seed)
        device = base.weight.device
        self.down = nn.Parameter(down.to(device))
        self.up = nn.Parameter(torch.zeros(shapes[f"{target.name}.lora_up.weight"], device=device))
        self.dropout = self.rank_dropout = self.module_dropout = None
        self.multiplier = 1.0
        self._base = [base]  # in a list, so that the frozen module isn't registered as a part of this one
        self._replaced = base.__dict__.get("forward")

    @property
    def base(self) -> Any:
        return self._base[0]

    @property
    def scale(self) -> float:
        """alpha / rank, without the multiplier."""
        return self.alpha / self.rank

    def attach(self) -> None:
        """Puts this module's forward in place of the frozen one's, or back where the multiplier is 0."""
        if self.multiplier == 0:
            self.detach()
        else:
            self.base.forward = self.forward_linear if self.target.kind == "linear" else self.forward_conv

    def detach(self) -> None:
        self.base.__dict__.pop("forward", None)
        if self._replaced:
            self.base.forward = self._replaced

    def forward_linear(self, x: torch.Tensor, *_others: Any) -> torch.Tensor:
        """x: [..., in]. One addmm adds the product to the base's output in place: no tensor of full width beside it."""
        base = self.base
        flat = x.reshape(-1, x.shape[-1])
        out = F.linear(flat, base.weight, base.bias)
        if not self._dropped_out():
            hidden = F.linear(flat.to(out.dtype), self.down.to(out.dtype))
            scale = self.scale * self.multiplier
            if self.training and (self.dropout or self.rank_dropout):
                hidden, scale = self._drop(hidden.view(*x.shape[:-1], -1), scale)
                hidden = hidden.view(-1, self.rank)
            out = out.addmm_(hidden, self.up.to(out.dtype).t(), alpha=scale)
        return out.view(*x.shape[:-1], out.shape[-1])

    def forward_conv(self, x: torch.Tensor, *_others: Any) -> torch.Tensor:
        """x: [B, in, h, w]."""
        base = self.base
        out = self._replaced(x) if self._replaced else type(base).forward(base, x)
        if self._dropped_out():
            return out
        hidden = F.conv2d(x.to(out.dtype), self.down.to(out.dtype), None, base.stride, base.padding, base.dilation)
        scale = self.scale * self.multiplier
        if self.training and (self.dropout or self.rank_dropout):
            hidden, scale = self._drop(hidden, scale)
        up = self.up.to(out.dtype).flatten(1).expand(len(x), -1, -1)
        return torch.baddbmm(out.flatten(2), up, hidden.flatten(2), alpha=scale).view(out.shape)

    def _dropped_out(self) -> bool:
        """module_dropout: the whole module is left out of this step."""
        return bool(self.training and self.module_dropout) and torch.rand(1).item() < self.module_dropout

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


def _initial_down(target: Target, shape: Sequence[int], seed: int) -> torch.Tensor:
    """Kaiming-uniform with a = √5, that is uniform within ±1/√inputs, keyed by the module's name."""
    bound = (target.in_ * target.kernel**2) ** -0.5
    drawn = generator(seed, f"lora_down {target.name}").random(tuple(shape), dtype=np.float32)
    return torch.from_numpy(drawn * np.float32(2 * bound) - np.float32(bound))


class LoraNetwork(nn.Module):
    """All LoRA modules of a run, by name and in kohya's order. Make one with `LoraNetwork.of`."""

    def __init__(self, modules: Sequence[LoraModule]) -> None:
        super().__init__()
        self.loras = nn.ModuleDict({module.target.name: module for module in modules})

    @classmethod
    def of(
        cls,
        model: Any,
        targets: Sequence[Target],
        *,
        rank: int,
        alpha: float,
        conv_dim: int | None = None,
        conv_alpha: float | None = None,
        dropout: float | None = None,
        rank_dropout: float | None = None,
        module_dropout: float | None = None,
        seed: int,
    ) -> LoraNetwork:
        """Makes the modules and attaches them to `model`; alpha 0 means the rank, conv_alpha 1 where not given (as kohya)."""
        modules = []
        for target in targets:
            own_alpha = (1.0 if conv_alpha is None else conv_alpha) if target.kernel > 1 and conv_dim else alpha
            module = LoraModule(
                target, getattr(model, target.part).get_submodule(target.module), target.rank(rank, conv_dim), own_alpha, seed
            )
            module.dropout, module.rank_dropout, module.module_dropout = dropout, rank_dropout, module_dropout
            modules.append(module)
        network = cls(modules)
        network.attach()
        return network

    def part(self, part: Part) -> list[LoraModule]:
        return [module for module in self.loras.values() if module.target.part == part]

    def trainable(self, part: Part) -> list[nn.Parameter]:
        """The part's parameters in a stable order: down and up of each module."""
        return [parameter for module in self.part(part) for parameter in (module.down, module.up)]

    def groups(self, part: Part) -> list[ParameterGroup]:
        """The part's parameters as an optimizer takes them: ups apart from downs, since LoRA+ gives them another rate."""
        downs, ups = [module.down for module in self.part(part)], [module.up for module in self.part(part)]
        return [ParameterGroup(part, downs), ParameterGroup(part, ups, is_up=True)]

    def attach(self) -> None:
        for module in self.loras.values():
            module.attach()

    def detach(self) -> None:
        """Gives the model its own forwards back."""
        for module in self.loras.values():
            module.detach()

    def set_multiplier(self, text_encoder: float, unet: float) -> None:
        """How strongly text encoders and UNet act; 1 in training, 0 takes the part off."""
        for module in self.loras.values():
            module.multiplier = float(unet if module.target.part == "unet" else text_encoder)
            module.attach()

    def tensors(self) -> dict[str, torch.Tensor]:
        """What the file holds, under kohya's names; weights as they are (not copied), alphas as float32 scalars."""
        result: dict[str, torch.Tensor] = {}
        for name, module in self.loras.items():
            result[f"{name}.alpha"] = torch.tensor(module.alpha)
            result[f"{name}.lora_down.weight"] = module.down.detach()
            result[f"{name}.lora_up.weight"] = module.up.detach()
        return result

    @torch.no_grad()
    def load(self, tensors: Mapping[str, torch.Tensor]) -> list[str]:
        """Takes the weights and alphas of a file's tensors; returns the file's modules of parts that aren't trained here.

        Modules that the file lacks stay as they are. UserError where shapes differ or the file has modules unknown here.
        """
        names = {name.split(".", 1)[0] for name in tensors if ".lora_down." in name}
        trained = {family_prefix(name) for name in self.loras}
        unused = sorted(name for name in names if name not in self.loras)
        unknown = [name for name in unused if family_prefix(name) in trained]
        if unknown:
            raise UserError(
                f"network_weights: this network has no module {unknown[0]} ({len(unknown)} such in the file); "
                "convolutions need conv_dim in --network_args."
            )
        if not names & self.loras.keys():
            raise UserError("network_weights: the file holds no module of this network; give a LoRA of the same kind of model.")
        for name, module in self.loras.items():
            if name in names:
                _load_module(name, module, tensors)
        return unused

    @torch.no_grad()
    def scale_weight_norms(self, limit: float) -> dict[str, float]:
        """Shrinks both factors of each module whose scaled product has a norm above `limit`, so that it has that norm.

        Returns keys_scaled, average_norm and maximum_norm (afterwards); the only wait for the device is for these three.
        """
        modules = list(self.loras.values())
        norms = torch.stack([module.norm_squared() for module in modules]).clamp_(min=0.0).sqrt()
        ratios = limit / norms.clamp(min=limit)
        for module, root in zip(modules, ratios.sqrt().unbind(), strict=True):
            module.down.mul_(root)
            module.up.mul_(root)
        norms = norms * ratios
        scaled, average, maximum = torch.stack([(ratios < 1.0).sum().to(norms.dtype), norms.mean(), norms.max()]).tolist()
        return {"keys_scaled": int(scaled), "average_norm": average, "maximum_norm": maximum}


def _load_module(name: str, module: LoraModule, tensors: Mapping[str, torch.Tensor]) -> None:
    for key, parameter in (("lora_down", module.down), ("lora_up", module.up)):
        tensor = tensors.get(f"{name}.{key}.weight")
        if tensor is None:
            raise UserError(f"network_weights: the file lacks {name}.{key}.weight; it isn't a complete plain LoRA.")
        if tensor.shape != parameter.shape:
            raise UserError(
                f"network_weights: {name}.{key} has the shape {list(tensor.shape)} in the file and "
                f"{list(parameter.shape)} here; set network_dim to the file's rank, or use --dim_from_weights."
            )
        parameter.copy_(tensor)
    alpha = tensors.get(f"{name}.alpha")
    module.alpha = float(module.rank if alpha is None else alpha)
