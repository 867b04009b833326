"""Puts LoRA files of every kind onto a loaded model: for sampling, and taken off again, or for good, before a training."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from ..models.eight_bit import kept_weight, put_back, set_weight
from ..problems import UserError
from .blocks import BASE, block_of
from .format import by_module, read_lora
from .kind_shapes import scale_of
from .targets import Part, family_prefix, lora_names, prefixes
from .weights import Tensors, bias_difference, changed_weight, limited_turn

# (file, text encoder strength, UNet strength) and, where wanted, {block: its weight}.
Kept = dict[str, tuple[Any, tuple[torch.Tensor, ...], torch.Tensor | None]]
Applied = tuple[str | Path, float, float] | tuple[str | Path, float, float, Mapping[str, float] | None]


@contextlib.contextmanager
def applied(model: Any, loras: Sequence[Applied]) -> Iterator[None]:
    """The model with the given LoRAs merged into its weights, until the block ends.

    Weights are put back from copies, so they are exactly what they were. A LoRA of an attached network stays as it is.
    """
    kept: Kept = {}
    try:
        _apply(model, loras, kept, model.facts.parts)
        yield
    finally:
        for module, weight, bias in kept.values():
            put_back(module, weight)
            if bias is not None:
                module.bias.data = bias


def merge(model: Any, loras: Sequence[Applied], parts: Sequence[str]) -> None:
    """Merges LoRAs into these parts of a model, one after the other. UserError where one isn't for this model."""
    _apply(model, loras, {}, parts)


def _apply(model: Any, loras: Sequence[Applied], kept: Kept, parts: Sequence[str]) -> None:
    """`parts` that aren't loaded are passed over, and so is what a file holds for others than these."""
    loaded: list[Part] = [part for part in prefixes(model.family) if part in parts and getattr(model, part) is not None]
    modules = {name: (part, module) for part in loaded for name, module in _modules(model, part).items()}
    left_out = {family_prefix(start) for part, start in prefixes(model.family).items() if part not in loaded}
    for path, text_encoder, unet, *blocks in loras:
        content = {name: one for name, one in by_module(read_lora(path)[0]).items() if family_prefix(name) not in left_out}
        _require_known(path, content, modules)
        for name, tensors in content.items():
            part, module = modules[name]
            strength = (unet if part == "unet" else text_encoder) * _block_weight(part, name, blocks[0] if blocks else None)
            if strength:
                kept.setdefault(name, (module, kept_weight(module), None if module.bias is None else module.bias.data))
                _change(path, name, module, tensors, strength)


def _block_weight(part: Part, name: str, weights: Mapping[str, float] | None) -> float:
    """As lora-block-weight has it: what is in no block keeps its full strength."""
    if weights is None:
        return 1.0
    block = BASE if part != "unet" else block_of(name)
    return 1.0 if block is None else weights[block]


def _modules(model: Any, part: Part) -> dict[str, torch.nn.Module]:
    """{the LoRA's name for it: module} of everything with a weight that a network can change."""
    kinds = (torch.nn.Linear, torch.nn.Conv2d, torch.nn.LayerNorm, torch.nn.GroupNorm)
    found = {name: module for name, module in getattr(model, part).named_modules() if isinstance(module, kinds)}
    return {name: found[place] for place, name in lora_names(model.family, part, found).items()}


@torch.no_grad()
def _change(path: str | Path, name: str, module: Any, tensors: Tensors, strength: float) -> None:
    """Adds `strength` times the module's change, as webui does: a DoRA's or rotation's too, in a straight line."""
    weight, bias = module.weight.data, module.bias
    try:
        changed = changed_module_weight(tensors, weight)
    except (RuntimeError, KeyError, ZeroDivisionError, StopIteration) as error:
        raise UserError(
            f"{path} doesn't fit this model: {name} has {_shapes(tensors)} in it and {list(weight.shape)} here; use it with a "
            "model of the kind that it was trained on."
        ) from error
    dtype = weight.dtype if bias is None else bias.dtype  # large weights may be kept in half
    set_weight(module, weight.to(dtype) + (strength * (changed - weight.float())).to(dtype))
    more = bias_difference(tensors)
    if more is not None and bias is not None:
        module.bias.data = bias.data + (strength * more.to(weight.device)).to(bias.dtype)


def changed_module_weight(tensors: Tensors, weight: torch.Tensor) -> torch.Tensor:
    """A weight with a module's whole change, in float32; `tensors`: {suffix: tensor} of the file, alpha among them."""
    moved = {suffix: tensor.to(weight.device) for suffix, tensor in tensors.items() if suffix != "alpha"}
    alpha = float(tensors["alpha"]) if "alpha" in tensors else None
    if "oft_blocks" in moved and alpha:
        moved["oft_blocks"] = limited_turn(moved["oft_blocks"], alpha * len(weight))
    return changed_weight(moved, weight, scale_of(moved, alpha))


def _shapes(tensors: Tensors) -> str:
    return ", ".join(f"{suffix} {list(tensor.shape)}" for suffix, tensor in tensors.items() if tensor.dim())


def _require_known(path: str | Path, content: Mapping[str, object], modules: Mapping[str, object]) -> None:
    """webui passes over what it doesn't know; here a LoRA for another model is an error."""
    unknown = sorted(set(content) - set(modules))
    if unknown:
        raise UserError(
            f"{path} isn't for this model: it changes {unknown[0]} ({len(unknown)} such), which this model hasn't; use it with "
            "a model of the kind that it was trained on."
        )
