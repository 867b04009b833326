"""The network of a run: its modules on the model, whatever their kind. What the loop, saves and samples know of it is here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import torch
from torch import nn

from ..optimizer_table import ParameterGroup
from ..problems import UserError
from .choice import Placed, acts_by_alpha, same_alpha
from .format import by_module
from .kind_shapes import KindOptions, in_webui_order, on_target
from .lora import DyLoraModule, LoraModule
from .modules import TrainedModule, WeightModule
from .targets import Part, family_prefix
from .weights import limited_turn

_PLAIN = {"lora_down.weight", "lora_up.weight"}


class Network(nn.Module):
    """All modules of a run, by name and in kohya's order. Make one with `Network.of`."""

    def __init__(self, modules: Sequence[TrainedModule]) -> None:
        super().__init__()
        self.loras = nn.ModuleDict({module.target.name: module for module in modules})

    @classmethod
    def of(
        cls,
        model: Any,
        placed: Iterable[Placed],
        *,
        options: KindOptions | None = None,
        dropout: float | None = None,
        rank_dropout: float | None = None,
        module_dropout: float | None = None,
        rank_dropout_scale: bool = False,
        seed: int,
    ) -> Network:
        """Makes the modules and attaches them to `model`."""
        modules = []
        for one in placed:
            base = getattr(model, one.target.part).get_submodule(one.target.module)
            module = _module(one, base, options or KindOptions(), seed)
            module.dropout, module.rank_dropout, module.module_dropout = dropout, rank_dropout, module_dropout
            module.rank_dropout_scale = rank_dropout_scale
            modules.append(module)
        network = cls(modules)
        network.attach()
        return network

    def part(self, part: Part) -> list[TrainedModule]:
        return [module for module in self.loras.values() if module.target.part == part]

    def trainable(self, part: Part) -> list[nn.Parameter]:
        """The part's parameters in a stable order."""
        return [parameter for module in self.part(part) for parameter in module.parameters()]

    def groups(self, part: Part) -> list[ParameterGroup]:
        """The part's parameters as an optimizer takes them: blocks that learn at other rates apart, and ups from the rest.

        (LoRA+ gives ups another rate.)
        """
        found: dict[tuple[float, bool], list[nn.Parameter]] = {}
        for module in self.part(part):
            ups = {id(one) for one in module.ups()}
            for parameter in module.parameters():
                found.setdefault((module.placed.rate, id(parameter) in ups), []).append(parameter)
        return [ParameterGroup(part, own, factor, is_up) for (factor, is_up), own in found.items()]

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
        """What the file holds, under kohya's and LyCORIS' names; weights as they are (not copied), alphas float32 scalars."""
        result: dict[str, torch.Tensor] = {}
        for name, module in self.loras.items():
            for suffix, tensor in {**module.constants(), **module.numbers()}.items():
                result[f"{name}.{suffix}"] = tensor.detach()
        return result

    @torch.no_grad()
    def load(self, tensors: Mapping[str, torch.Tensor], as_placed: bool = False) -> list[str]:
        """Takes the weights and alphas of a file's tensors; returns the file's modules of parts that aren't trained here.

        Modules that the file lacks stay as they are. UserError where shapes differ or the file has modules unknown here.
        as_placed: UserError also where an alpha is not the one that the settings ask for.
        """
        own = by_module(tensors)
        trained = {family_prefix(name) for name in self.loras}
        unused = sorted(name for name in own if name not in self.loras)
        unknown = [name for name in unused if family_prefix(name) in trained]
        if unknown:
            raise UserError(
                f"network_weights: this network has no module {unknown[0]} ({len(unknown)} such in the file); "
                "convolutions need conv_dim in --network_args, and blocks of weight 0 have no modules."
            )
        if not own.keys() & self.loras.keys():
            raise UserError("network_weights: the file holds no module of this network; give a LoRA of the same kind of model.")
        for name, module in self.loras.items():
            if name in own:
                _load_module(name, module, in_webui_order(own[name]), as_placed)
        return unused

    @torch.no_grad()
    def scale_weight_norms(self, limit: float) -> dict[str, float]:
        """Shrinks each module whose whole difference has a norm above `limit`, so that it has that norm.

        Modules that add nothing (norms of (IA)^3 and OFT mean nothing) stay as they are. Returns keys_scaled, average_norm
        and maximum_norm (afterwards); the only wait for the device is for these three.
        """
        squares = [(module, module.norm_squared()) for module in self.loras.values()]
        adding = [(module, square) for module, square in squares if square is not None]
        if not adding:
            return {"keys_scaled": 0, "average_norm": 0.0, "maximum_norm": 0.0}
        norms = torch.stack([square for _, square in adding]).clamp_(min=0.0).sqrt()
        ratios = limit / norms.clamp(min=limit)
        for (module, _), ratio in zip(adding, ratios.unbind(), strict=True):
            module.shrink(ratio)
        norms = norms * ratios
        scaled, average, maximum = torch.stack([(ratios < 1.0).sum().to(norms.dtype), norms.mean(), norms.max()]).tolist()
        return {"keys_scaled": int(scaled), "average_norm": average, "maximum_norm": maximum}


def _module(placed: Placed, base: nn.Module, options: KindOptions, seed: int) -> TrainedModule:
    if placed.kind == "dylora":
        return DyLoraModule(placed, base, seed, options.unit)
    if placed.shapes.keys() == _PLAIN:
        return LoraModule(placed, base, seed)
    return WeightModule(placed, base, seed)


def _load_module(name: str, module: TrainedModule, tensors: Mapping[str, torch.Tensor], as_placed: bool) -> None:
    numbers = module.numbers()
    tensors = {suffix: one.reshape(on_target(suffix, one.shape, module.target)) for suffix, one in tensors.items()}
    for suffix, own in numbers.items():
        key, tensor = suffix.removesuffix(".weight"), tensors.get(suffix)
        if tensor is None:
            raise UserError(
                f"network_weights: the file lacks {name}.{suffix}; it is not of the kind that is trained here, or not complete."
            )
        if tensor.shape != own.shape:
            raise UserError(
                f"network_weights: {name}.{key} has the shape {list(tensor.shape)} in the file and "
                f"{list(own.shape)} here; set network_dim to the file's rank, or use --dim_from_weights."
            )
    foreign = sorted(set(tensors) - set(numbers) - set(module.constants()) - {"alpha"})
    if foreign:
        raise UserError(
            f"network_weights: the file has {name}.{foreign[0]}, which this kind of network hasn't; use --dim_from_weights."
        )
    given = tensors.get("alpha")
    alpha = float(module.rank if given is None else given)
    if as_placed and acts_by_alpha(numbers) and not same_alpha(alpha, module.placed.alpha):
        raise UserError(
            f"network_weights: {name} has alpha {alpha:g} in the file and {module.placed.alpha:g} here; set network_alpha "
            "(or conv_alpha) to the file's, or use --dim_from_weights."
        )
    if "oft_blocks" in tensors and given is not None:  # what a constraint left of it when it acted
        tensors["oft_blocks"] = limited_turn(tensors["oft_blocks"], float(given) * module.target.out)
    for suffix in numbers:
        module.take(suffix, tensors[suffix])
    module.alpha = alpha
