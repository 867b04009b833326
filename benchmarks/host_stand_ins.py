"""What stands in for the rest of a webui while its loaders of LoRAs are tried: empty modules, and a model to load them into."""

from __future__ import annotations

import sys
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any


def stand_in(name: str, **content: Any) -> None:
    """An empty module, with its packages, under a name that the host's file imports."""
    parts = name.split(".")
    for depth in range(1, len(parts) + 1):
        whole = ".".join(parts[:depth])
        if whole not in sys.modules:
            sys.modules[whole] = types.ModuleType(whole)
            sys.modules[whole].__path__ = []  # type: ignore[attr-defined]
        if depth > 1:
            setattr(sys.modules[".".join(parts[: depth - 1])], parts[depth - 1], sys.modules[whole])
    for key, value in content.items():
        setattr(sys.modules[name], key, value)


def load_file(name: str, path: Path) -> None:
    import importlib.util

    stand_in(name.rpartition(".")[0])
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(sys.modules[name])


def read_weights(path: str) -> dict[str, Any]:
    from safetensors.torch import load_file

    return load_file(path)


def unet_weights(base: Path) -> Iterator[tuple[str, Any]]:
    for name, tensor in read_weights(str(base)).items():
        if name.startswith("model.diffusion_model."):
            yield name, tensor


def unet_config(family: str) -> dict[str, Any]:
    """What Forge knows of the UNet's shape: blocks a level, and transformer layers in each."""
    if family == "tiny_sdxl":
        down, middle, up = [0, 0, 1, 1, 2, 2], 2, [0, 0, 0, 1, 1, 1, 2, 2, 2]
        return {"num_res_blocks": [2, 2, 2], "channel_mult": [1, 2, 4], "transformer_depth": down,
                "transformer_depth_middle": middle, "transformer_depth_output": up, "num_blocks": 3}  # fmt: skip
    down, up = [1, 1, 1, 1, 1, 1, 0, 0], [1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0]
    return {"num_res_blocks": [2] * 4, "channel_mult": [1, 1, 2, 2], "transformer_depth": down,
            "transformer_depth_middle": 1, "transformer_depth_output": up}  # fmt: skip


def forge_text(base: Path, family: str) -> Iterator[tuple[str, Any]]:
    """The text encoders under Forge's names, from the model as we read it."""
    from ..trainer_core.models.checkpoint import load_model

    model = load_model(base)
    names = {"toy": ("clip_l",), "tiny_sd2": ("clip_h",), "tiny_sdxl": ("clip_l", "clip_g")}[family]
    for name, part in zip(names, ("text_encoder", "text_encoder_2"), strict=False):
        for key, tensor in getattr(model, part).state_dict().items():
            yield f"{name}.transformer.text_model.{key.removeprefix('text_model.')}", tensor


def as_webui(base: Path, family: str) -> Any:
    """A model with the modules that webui's has, by name, and the file's weights."""
    weights = read_weights(str(base))
    unet = _tree({name.removeprefix("model."): t for name, t in weights.items() if name.startswith("model.diffusion_model.")})
    if family == "tiny_sdxl":
        embedders = [
            types.SimpleNamespace(wrapped=_tree(_below(weights, f"conditioner.embedders.{number}."))) for number in (0, 1)
        ]
        return types.SimpleNamespace(is_sdxl=True, model=unet, conditioner=types.SimpleNamespace(embedders=embedders))
    text = _tree(_below(weights, "cond_stage_model."))
    return types.SimpleNamespace(is_sdxl=False, model=unet, cond_stage_model=text)


def _below(weights: dict[str, Any], prefix: str) -> dict[str, Any]:
    return {name.removeprefix(prefix): tensor for name, tensor in weights.items() if name.startswith(prefix)}


def _tree(weights: dict[str, Any]) -> Any:
    """Nested modules with layers where the names have weights."""
    from torch import nn

    root = nn.Module()
    for name, weight in weights.items():
        path, _, last = name.rpartition(".")
        if last == "in_proj_weight":
            _place(root, path, nn.MultiheadAttention(weight.shape[1], 1), weights)
            continue
        if last != "weight" or weight.dim() not in (1, 2, 4) or path.endswith(".attn.out_proj"):
            continue
        shape, biased = weight.shape, f"{path}.bias" in weights
        layer: Any
        if weight.dim() == 4:
            layer = nn.Conv2d(shape[1], shape[0], tuple(shape[2:]), padding=shape[2] // 2, bias=biased)
        else:
            layer = nn.Linear(shape[1], shape[0], bias=biased) if weight.dim() == 2 else nn.LayerNorm(shape[0])
        _place(root, path, layer, weights)
    return root


def _place(root: Any, path: str, layer: Any, weights: dict[str, Any]) -> None:
    """Puts a layer with the file's weights at its place, making what is above it."""
    import torch
    from torch import nn

    with torch.no_grad():
        for name, parameter in layer.named_parameters():
            parameter.copy_(weights[f"{path}.{name}"])
    *parts, own = path.split(".")
    for part in parts:
        if part not in root._modules:
            root.add_module(part, nn.Module())
        root = root._modules[part]
    root.add_module(own, layer)
