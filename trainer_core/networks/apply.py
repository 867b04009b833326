"""Puts LoRA files onto a loaded model for sampling, and takes them off again."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from ..problems import UserError
from .format import read_lora
from .targets import Part, lora_names


@contextlib.contextmanager
def applied(model: Any, loras: Sequence[tuple[str | Path, float, float]]) -> Iterator[None]:
    """The model with the given (file, text encoder strength, UNet strength) merged into its weights, until the block ends.

    Weights are put back from copies, so they are exactly what they were. A LoRA of an attached network stays as it is.
    """
    modules = {part: _modules(model, part) for part in model.facts.parts}
    kept: dict[str, tuple[torch.nn.Module, torch.Tensor]] = {}
    try:
        for path, text_encoder, unet in loras:
            tensors, _ = read_lora(path)
            for part in modules:
                if strength := unet if part == "unet" else text_encoder:
                    _merge(tensors, modules[part], strength, kept)
            _require_known(path, tensors, modules)
        yield
    finally:
        for module, weight in kept.values():
            module.weight.data = weight


def _modules(model: Any, part: Part) -> dict[str, torch.nn.Module]:
    """{the LoRA's name for it: module} of everything with a weight that a LoRA can change."""
    kinds = (torch.nn.Linear, torch.nn.Conv2d)
    found = {name: module for name, module in getattr(model, part).named_modules() if isinstance(module, kinds)}
    return {name: found[place] for place, name in lora_names(model.family, part, found).items()}


@torch.no_grad()
def _merge(
    tensors: Mapping[str, torch.Tensor],
    modules: Mapping[str, torch.nn.Module],
    strength: float,
    kept: dict[str, tuple[torch.nn.Module, torch.Tensor]],
) -> None:
    for name, module in modules.items():
        if f"{name}.lora_down.weight" in tensors:
            if name not in kept:
                kept[name] = (module, module.weight.data)
            delta = lora_delta(tensors, name, module.weight)
            dtype = module.weight.dtype if module.bias is None else module.bias.dtype  # large weights may be kept in half
            module.weight.data = module.weight.data.to(dtype) + (strength * delta).to(dtype)


def lora_delta(tensors: Mapping[str, torch.Tensor], name: str, weight: torch.Tensor) -> torch.Tensor:
    """alpha/rank · up · down of one module in the shape of `weight`, float32; UserError where it doesn't fit."""
    down, up = tensors[f"{name}.lora_down.weight"].float(), tensors[f"{name}.lora_up.weight"].float()
    alpha = tensors.get(f"{name}.alpha")
    scale = 1.0 if alpha is None else float(alpha) / down.shape[0]
    if f"{name}.lora_mid.weight" in tensors or f"{name}.dora_scale" in tensors:
        raise UserError(f"{name} is of a LyCORIS kind that can't be applied yet; give a plain LoRA.")
    delta = (up.flatten(1) @ down.flatten(1)) * scale
    if delta.numel() != weight.numel() or delta.shape[0] != weight.shape[0]:
        raise UserError(f"The LoRA doesn't fit this model: {name} is {list(delta.shape)} in it and {list(weight.shape)} here.")
    return delta.view(weight.shape).to(weight.device)


def _require_known(
    path: str | Path, tensors: Mapping[str, torch.Tensor], modules: Mapping[str, Mapping[str, torch.nn.Module]]
) -> None:
    """webui passes over what it doesn't know; here a LoRA for another model is an error."""
    names = {name.split(".", 1)[0] for name in tensors if ".lora_down." in name}
    unknown = sorted(names - {name for part in modules.values() for name in part})
    if unknown:
        raise UserError(f"{path} isn't for this model: it changes {unknown[0]} ({len(unknown)} such), which this model hasn't.")
