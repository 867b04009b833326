"""Which modules of a base model a LoRA goes to, told from the model file's header alone; without torch, so that the plan can.

Names and order are kohya's (networks.lora): text encoders first, then down, up and mid blocks of the UNet. In files for SDXL
the UNet's modules have the names of the original layout (input_blocks …), in all others diffusers' (down_blocks …).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from ..models.families import FAMILIES, Family, identify
from ..models.header import ModelHeader
from ..models.layout import UNET, ldm_names, part_names
from ..models.open_clip import place_info

Part = Literal["text_encoder", "text_encoder_2", "unet"]
_TEXT = ("self_attn.k_proj", "self_attn.v_proj", "self_attn.q_proj", "self_attn.out_proj", "mlp.fc1", "mlp.fc2")
_ATTENTION = ("to_q", "to_k", "to_v", "to_out.0")
_BLOCK = (*(f"attn1.{name}" for name in _ATTENTION), "ff.net.0.proj", "ff.net.2", *(f"attn2.{name}" for name in _ATTENTION))
_RESNET = ("conv1", "time_emb_proj", "conv2", "conv_shortcut")
_BYTES = {"float": 4, "fp16": 2, "bf16": 2, None: 4}
_CODES = {"float": "F32", "fp16": "F16", "bf16": "BF16", None: "F32"}


@dataclass(frozen=True)
class Target:
    """A module that is trained: its name in the file, its place in the model, and its shape; `bias`: it has one."""

    name: str
    part: Part
    module: str
    kind: Literal["linear", "conv", "norm"]
    in_: int
    out: int
    kernel: int = 1
    bias: bool = False


def prefixes(family: Family) -> dict[Part, str]:
    """{part that a LoRA may train: what its modules' names begin with in the family's LoRA files}, in the files' order."""
    facts = FAMILIES[family]
    return {**{one.part: one.lora_prefix for one in facts.text}, "unet": "lora_unet"}


def family_prefix(name: str) -> str:
    """What tells a LoRA's parts apart in names of modules: lora_unet, lora_te, or with SDXL lora_te1 and lora_te2."""
    return "_".join(name.split("_")[:2])


def lora_names(family: Family, part: Part, modules: Iterable[str]) -> dict[str, str]:
    """{module's place in the part: its name in LoRA files}; for SDXL's UNet give all of its modules that have a weight.

    A module of the UNet that the original layout doesn't have is left out.
    """
    modules = list(modules)
    places = {module: module for module in modules}
    if part == "unet" and FAMILIES[family].ldm_names:
        weights = [f"{module}.weight" for module in modules]
        places = {
            new.removesuffix(".weight"): old.removeprefix(UNET).removesuffix(".weight")
            for new, old in ldm_names(weights, "unet").items()
        }
    prefix = prefixes(family)[part]
    return {module: f"{prefix}.{place}".replace(".", "_") for module, place in places.items()}


def lora_targets(header: ModelHeader, *, unet: bool = True, text_encoder: bool = True, conv: bool = False) -> list[Target]:
    """LoRA-LierLa's modules (attention and MLP), with `conv` LoRA-C3Lier's (resnets, down- and upsamplers of the UNet too).

    text_encoder: both of them where the family has two.
    """
    family = identify(header)
    if family not in FAMILIES:
        return []
    targets: list[Target] = []
    for part in prefixes(family):
        if unet if part == "unet" else text_encoder:
            shapes = _weights(header, part)
            names = lora_names(family, part, shapes)
            modules = _unet_modules(shapes, conv) if part == "unet" else _text_modules(shapes)
            targets += [_target(names[module], part, module, shapes[module]) for module in modules]
    return targets


def _weights(header: ModelHeader, part: Part) -> dict[str, tuple[int, ...]]:
    """{module: shape of its weight}."""
    return {
        new.removesuffix(".weight"): place_info(header.tensors, old).shape
        for new, old in part_names(header, part).items()
        if new.endswith(".weight")
    }


def _target(name: str, part: Part, module: str, shape: tuple[int, ...]) -> Target:
    if len(shape) == 4:
        return Target(name, part, module, "conv", shape[1], shape[0], shape[2])
    return Target(name, part, module, "linear", shape[1], shape[0])


def _text_modules(shapes: Mapping[str, object]) -> list[str]:
    names, layer = [], 0
    while f"encoder.layers.{layer}.mlp.fc1" in shapes:
        names += [f"encoder.layers.{layer}.{name}" for name in _TEXT]
        layer += 1
    return names


def _unet_modules(shapes: Mapping[str, object], conv: bool) -> list[str]:
    levels = 1 + max((int(name.split(".")[1]) for name in shapes if name.startswith("down_blocks.")), default=-1)
    blocks = [f"{side}_blocks.{level}" for side in ("down", "up") for level in range(levels)] + ["mid_block"]
    return [name for block in blocks for name in _block_modules(block, shapes, conv)]


def _block_modules(block: str, shapes: Mapping[str, object], conv: bool) -> Iterator[str]:
    number = 0
    while f"{block}.attentions.{number}.proj_in" in shapes:
        yield from _attention_modules(f"{block}.attentions.{number}", shapes)
        number += 1
    if not conv:
        return
    number = 0
    while f"{block}.resnets.{number}.conv1" in shapes:
        candidates = [f"{block}.resnets.{number}.{name}" for name in _RESNET]
        yield from (name for name in candidates if name in shapes)
        number += 1
    yield from (name for way in ("down", "up") if (name := f"{block}.{way}samplers.0.conv") in shapes)


def _attention_modules(attention: str, shapes: Mapping[str, object]) -> Iterator[str]:
    yield f"{attention}.proj_in"
    layer = 0
    while (block := f"{attention}.transformer_blocks.{layer}") + ".attn1.to_q" in shapes:
        yield from (f"{block}.{name}" for name in _BLOCK)
        layer += 1
    yield f"{attention}.proj_out"


def file_bytes(shapes: Mapping[str, tuple[int, ...]], precision: str | None = None, metadata_bytes: int = 0) -> int:
    """Size of the file that `networks.format.save_lora` writes of tensors of these shapes.

    `precision` is "float", "fp16" or "bf16" (None: float); `metadata_bytes`: length of the metadata as JSON (0: none).
    """
    layout, end = file_layout(shapes, dict.fromkeys(shapes, (_CODES[precision], _BYTES[precision])))
    length = len(json.dumps(layout, separators=(",", ":"), ensure_ascii=False).encode())
    if metadata_bytes:
        length += len('"__metadata__":') + metadata_bytes + (1 if layout else 0)
    return 8 + length + -length % 8 + end


def file_layout(
    shapes: Mapping[str, tuple[int, ...]], kinds: Mapping[str, tuple[str, int]]
) -> tuple[dict[str, dict[str, object]], int]:
    """The tensors' entries in a safetensors header, in the library's order, and the bytes they take together.

    kinds: {name: (dtype as safetensors writes it, bytes an element)}. Wider elements come first, then the name decides.
    """
    entries: dict[str, dict[str, object]] = {}
    offset = 0
    for name in sorted(shapes, key=lambda name: (-kinds[name][1], name)):
        code, size = kinds[name]
        for number in shapes[name]:
            size *= number
        entries[name] = {"dtype": code, "shape": list(shapes[name]), "data_offsets": [offset, offset + size]}
        offset += size
    return entries, offset
