"""What a base model is made of, as far as memory goes: told from its header's shapes, so that every width and depth is seen."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ..models.families import FAMILIES, TextFacts, identify
from ..models.header import ModelHeader, element_bytes
from ..models.layout import part_names
from ..models.open_clip import place_info

Shapes = Mapping[str, tuple[int, ...]]

# As models/eight_bit.py chooses: Linear and Conv2d modules from this size on, but not what the model begins and ends with.
_EIGHT_BIT_FROM = 4096
_NEVER_EIGHT_BIT = ("conv_in", "conv_out", "time_embedding.", "add_embedding.", "text_projection", "embeddings.")
TOKENS = "embeddings.token_embedding.weight"
_HEAD = 64
_SD1_HEADS = 8


@dataclass(frozen=True)
class Resnet:
    """A residual block of the UNet; `down`: how many times the latent was halved there; `skip`: it takes in a skip."""

    name: str
    inside: int
    out: int
    down: int
    shortcut: bool
    skip: bool = False


@dataclass(frozen=True)
class Attention:
    """A transformer of the UNet: `depth` blocks of `width` channels; `linear`: its ends are Linear and not 1×1 convolutions."""

    name: str
    width: int
    down: int
    depth: int
    heads: int
    hidden: int
    linear: bool


@dataclass(frozen=True)
class Resample:
    """A convolution that changes the size; `down` is that of its input, and an upsampler's input is enlarged before."""

    name: str
    width: int
    down: int
    up: bool


Unit = Resnet | Attention | Resample


@dataclass(frozen=True)
class TextEncoder:
    """A text encoder: `layers` that are run of `width`; `hidden`: its MLP's; `exact`: OpenCLIP's GELU."""

    facts: TextFacts
    layers: int
    width: int
    hidden: int


@dataclass(frozen=True)
class Architecture:
    """A base model. `shapes`: {part: {tensor: shape}}; `units`: the UNet's, in the order in which they run.

    token_bytes: of a number in the file's tables of tokens, which stay as they are in a run in full precision.
    """

    family: str
    shapes: Mapping[str, Shapes]
    units: tuple[Unit, ...]
    first_width: int
    text: tuple[TextEncoder, ...]
    token_bytes: int = 4

    def weight_bytes(self, part: str, element: int, eight_bit: bool) -> int:
        """Bytes of a part's tensors at `element` bytes a number, or with its larger layers in 8 bits and a scale an output."""
        total = 0
        for name, shape in self.shapes[part].items():
            size = math.prod(shape)
            if eight_bit and is_eight_bit(name, shape):
                total += size + 4 * shape[0]
            else:
                total += size * (min(element, self.token_bytes) if name == TOKENS else element)
        return total

    def largest_weight(self, part: str) -> int:
        """Numbers in the largest weight but the table of tokens."""
        return max((math.prod(shape) for name, shape in self.shapes[part].items() if name != TOKENS), default=0)


def is_eight_bit(name: str, shape: tuple[int, ...]) -> bool:
    """Whether int8_base and fp8_base keep a tensor in 8 bits."""
    matrix = len(shape) in (2, 4) and name.endswith(".weight")
    return matrix and math.prod(shape) >= _EIGHT_BIT_FROM and not name.startswith(_NEVER_EIGHT_BIT)


def architecture_of(header: ModelHeader, clip_skip: int | None) -> Architecture | None:
    """The architecture of a base model's file; None where it is no base model, or not a whole one."""
    family = identify(header)
    if family not in FAMILIES:
        return None
    shapes: dict[str, Shapes] = {}
    for part in (*FAMILIES[family].parts, "vae"):
        shapes[part] = {new: tuple(place_info(header.tensors, old).shape) for new, old in part_names(header, part).items()}
    try:
        units = tuple(_unet_units(shapes["unet"], family))
        first = shapes["unet"]["conv_in.weight"][0]
        text = tuple(_text_encoder(one, shapes[one.part], clip_skip) for one in FAMILIES[family].text)
    except KeyError:  # a tensor is missing: the plan has told so already
        return None
    stored = {info.dtype for name, info in header.tensors.items() if name.endswith("token_embedding.weight")}
    return Architecture(family, shapes, units, first, text, max(map(element_bytes, stored), default=4))


def _text_encoder(facts: TextFacts, shapes: Shapes, clip_skip: int | None) -> TextEncoder:
    layers = 0
    while f"encoder.layers.{layers}.mlp.fc1.weight" in shapes:
        layers += 1
    if not facts.penultimate:
        layers -= (clip_skip or 1) - 1
    elif not facts.pooled:
        layers -= 1
    hidden, width = shapes["encoder.layers.0.mlp.fc1.weight"]
    return TextEncoder(facts, max(layers, 0), width, hidden)


def _unet_units(shapes: Shapes, family: str) -> Iterator[Unit]:
    levels = 0
    while f"down_blocks.{levels}.resnets.0.conv1.weight" in shapes:
        levels += 1
    for level in range(levels):
        yield from _layers(f"down_blocks.{level}", level, shapes, family)
        if f"down_blocks.{level}.downsamplers.0.conv.weight" in shapes:
            yield _resample(f"down_blocks.{level}.downsamplers.0.conv", level, shapes, up=False)
    yield _resnet("mid_block.resnets.0", levels - 1, shapes)
    yield _attention("mid_block.attentions.0", levels - 1, shapes, family)
    yield _resnet("mid_block.resnets.1", levels - 1, shapes)
    for number in range(levels):
        level = levels - 1 - number
        yield from _layers(f"up_blocks.{number}", level, shapes, family, skip=True)
        if f"up_blocks.{number}.upsamplers.0.conv.weight" in shapes:
            yield _resample(f"up_blocks.{number}.upsamplers.0.conv", level, shapes, up=True)


def _layers(block: str, level: int, shapes: Shapes, family: str, skip: bool = False) -> Iterator[Unit]:
    number = 0
    while f"{block}.resnets.{number}.conv1.weight" in shapes:
        yield _resnet(f"{block}.resnets.{number}", level, shapes, skip)
        if f"{block}.attentions.{number}.proj_in.weight" in shapes:
            yield _attention(f"{block}.attentions.{number}", level, shapes, family)
        number += 1


def _resnet(name: str, level: int, shapes: Shapes, skip: bool = False) -> Resnet:
    out, inside = shapes[f"{name}.conv1.weight"][:2]
    return Resnet(name, inside, out, level, f"{name}.conv_shortcut.weight" in shapes, skip)


def _attention(name: str, level: int, shapes: Shapes, family: str) -> Attention:
    projection = shapes[f"{name}.proj_in.weight"]
    depth, width = 0, projection[0]
    while f"{name}.transformer_blocks.{depth}.attn1.to_q.weight" in shapes:
        depth += 1
    hidden = shapes[f"{name}.transformer_blocks.0.ff.net.2.weight"][1]
    linear = len(projection) == 2
    heads = max(1, width // _HEAD) if linear else _SD1_HEADS
    return Attention(name, width, level, depth, heads, hidden, linear)


def _resample(name: str, level: int, shapes: Shapes, up: bool) -> Resample:
    return Resample(name, shapes[f"{name}.weight"][1], level, up)
