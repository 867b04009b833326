"""Which modules each of LyCORIS' presets goes to, in today's diffusers names; without torch, so that the plan can tell.

LyCORIS finds modules by the names of their classes, which have changed, and keeps presets in class attributes that leak
from one network to the next. Here a preset is a row of a table, and modules are known by their places.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

from ..models.families import identify
from ..models.header import ModelHeader
from ..models.layout import part_names
from .targets import Target, lora_names, lora_targets

_ENDS = ("conv_in", "time_embedding.linear_1", "time_embedding.linear_2", "conv_out")
_IA3_TEXT, _IA3_UNET = ("k_proj", "v_proj", "mlp.fc2"), ("to_k", "to_v", "ff.net.2")
# (IA)^3 scales what goes into these, and what comes out of the others.
IA3_ON_INPUT = ("mlp.fc2", "ff.net.2")


@dataclass(frozen=True)
class TargetPreset:
    """Which modules are trained. `resnets`: "linear" means their time projections and 1×1 shortcuts alone.

    `ends`: the first and last convolution and the time embedding, by place.
    """

    attention: bool = True
    feed_forward: bool = True
    resnets: Literal["", "linear", "all"] = ""
    ends: tuple[str, ...] = ()
    text: Literal["", "attention", "all"] = "all"
    ia3: bool = False


PRESETS: dict[str, TargetPreset] = {
    "full": TargetPreset(resnets="all", ends=_ENDS),
    "full-lin": TargetPreset(resnets="linear", ends=_ENDS[1:3]),
    "attn-mlp": TargetPreset(),
    "attn-only": TargetPreset(feed_forward=False, text="attention"),
    "unet-only": TargetPreset(resnets="all", ends=_ENDS, text=""),
    "unet-transformer-only": TargetPreset(text=""),
    "unet-convblock-only": TargetPreset(False, False, "all", (_ENDS[0], _ENDS[3]), ""),
    "ia3": TargetPreset(ia3=True),
    # Not LyCORIS': kohya's networks.lora with and without conv_dim, and networks.oft.
    "lierla": TargetPreset(),
    "c3lier": TargetPreset(resnets="all"),
    "oft": TargetPreset(feed_forward=False, text=""),
    "oft-linear": TargetPreset(text=""),
    "oft-conv": TargetPreset(resnets="all", text=""),
}


def kind_targets(
    header: ModelHeader,
    preset: TargetPreset,
    *,
    unet: bool = True,
    text_encoder: bool = True,
    conv: bool = True,
    linear_only: bool = False,
    norms: bool = False,
) -> list[Target]:
    """The modules that a network goes to. `conv`: convolutions wider than 1×1 too; `norms`: the UNet's normalisations too."""
    targets = [
        target
        for target in lora_targets(header, unet=unet, text_encoder=text_encoder, conv=True)
        if _takes(preset, target) and (conv or target.kernel == 1)
    ]
    if unet:
        targets += [one for one in _others(header, preset, norms) if conv or one.kernel == 1]
    if linear_only:
        targets = [target for target in targets if target.kind == "linear"]
    return _with_biases(header, targets)


def _takes(preset: TargetPreset, target: Target) -> bool:
    place = target.module
    if target.part != "unet":
        if preset.ia3:
            return place.endswith(_IA3_TEXT)
        return preset.text == "all" or (preset.text == "attention" and ".self_attn." in place)
    if preset.ia3:
        return place.endswith(_IA3_UNET)
    if ".attn" in place:
        return preset.attention
    if ".attentions." in place:
        return preset.feed_forward
    return preset.resnets == "all" or (preset.resnets == "linear" and target.kernel == 1 and "samplers" not in place)


def _others(header: ModelHeader, preset: TargetPreset, norms: bool) -> Iterator[Target]:
    """The ends and the normalisation layers, which plain LoRAs never go to, in the model's order."""
    shapes = {
        new.removesuffix(".weight"): header.tensors[old].shape
        for new, old in part_names(header, "unet").items()
        if new.endswith(".weight")
    }
    names = lora_names(identify(header), "unet", shapes)
    for module in preset.ends:
        if module in shapes and module in names:
            shape = shapes[module]
            kind: Literal["linear", "conv"] = "conv" if len(shape) == 4 else "linear"
            yield Target(names[module], "unet", module, kind, shape[1], shape[0], shape[2] if kind == "conv" else 1)
    for module, shape in shapes.items():
        if norms and len(shape) == 1 and module in names and _has_norm(preset, module):
            yield Target(names[module], "unet", module, "norm", shape[0], shape[0])


def _has_norm(preset: TargetPreset, module: str) -> bool:
    if ".attentions." in module:
        return preset.attention or preset.feed_forward
    return ".resnets." in module and bool(preset.resnets)


def _with_biases(header: ModelHeader, targets: list[Target]) -> list[Target]:
    """The targets, each knowing whether its module has a bias."""
    biases = {
        (part, new.removesuffix(".bias"))
        for part in {target.part for target in targets}
        for new in part_names(header, part)
        if new.endswith(".bias")
    }
    return [replace(target, bias=(target.part, target.module) in biases) for target in targets]
