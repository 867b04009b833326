"""LoRA files whose tensors aren't named as kohya names them: diffusers', PEFT's, and diffusers' words in kohya's form on SDXL.

The light half: which naming it is, and where in a model each tensor belongs. `tools/convert.py` writes the file anew.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from ..models.header import ModelHeader
from .kind_shapes import KNOWN_SUFFIXES

_UNET = re.compile(r"(?:down_blocks|up_blocks|mid_block|conv_in|conv_out|time_embedding|add_embedding)\b")
_BEFORE = re.compile(r"(?:base_model\.model\.)?(?:(unet|text_encoder_2|text_encoder)\.)?(?:base_model\.model\.)?")
# What a tensor's name ends with, and what kohya calls it.
_ENDS = (
    (re.compile(r"\.lora_A(?:\.default)?\.weight$"), "lora_down.weight"),
    (re.compile(r"\.lora_B(?:\.default)?\.weight$"), "lora_up.weight"),
    (re.compile(r"\.(?:lora|lora_linear_layer)\.down\.weight$"), "lora_down.weight"),
    (re.compile(r"\.(?:lora|lora_linear_layer)\.up\.weight$"), "lora_up.weight"),
    (re.compile(r"_lora\.down\.weight$"), "lora_down.weight"),
    (re.compile(r"_lora\.up\.weight$"), "lora_up.weight"),
    (re.compile(r"\.alpha$"), "alpha"),
)
_ATTENTION = (
    *(f"attn{number}.{name}" for number in (1, 2) for name in ("to_q", "to_k", "to_v", "to_out.0")),
    "ff.net.0.proj",
    "ff.net.2",
)
_RESTS = (
    "proj_in", "proj_out", "conv", "conv1", "conv2", "time_emb_proj", "conv_shortcut",
    *(f"transformer_blocks.{layer}.{rest}" for layer in range(10) for rest in _ATTENTION),
)  # fmt: skip
_BY_UNDERSCORES = {rest.replace(".", "_"): rest for rest in _RESTS}
_IN_WORDS = re.compile(
    r"lora_unet_(?:(down|up)_blocks_(\d)|(mid)_block)_(attentions|resnets|downsamplers|upsamplers)_(\d)_(.+)"
)


@dataclass(frozen=True)
class Place:
    """Where a tensor belongs: the part of the model, its module there in diffusers' words, and what kohya calls the tensor."""

    part: str
    module: str
    suffix: str


def place_of(key: str) -> Place | None:
    """Of a tensor in diffusers' or PEFT's naming; None for any other."""
    for end, suffix in _ENDS:
        if found := end.search(key):
            return _placed(key[: found.start()], suffix)
    return None


def _placed(name: str, suffix: str) -> Place | None:
    before = _BEFORE.match(name)
    assert before
    part, module = before[1], name[before.end() :]
    module = re.sub(r"\.processor\.to_out$", ".to_out.0", module).replace(".processor.", ".")
    if part in ("text_encoder", "text_encoder_2") or (part is None and module.startswith("text_model.")):
        return Place(part or "text_encoder", module.removeprefix("text_model."), suffix)
    return Place("unet", module, suffix) if _UNET.match(module) else None


def in_dots(name: str) -> str | None:
    """The module of a name such as lora_unet_down_blocks_1_attentions_0_proj_in, in diffusers' words; None for any other."""
    found = _IN_WORDS.fullmatch(name)
    rest = _BY_UNDERSCORES.get(found[6]) if found else None
    if found is None or rest is None:
        return None
    block = "mid_block" if found[3] else f"{found[1]}_blocks.{found[2]}"
    return f"{block}.{found[4]}.{found[5]}.{rest}"


def plain_name(module: str) -> str:
    """A module's name as files of all other kinds have it: kohya's networks.oft writes oft_unet_… for lora_unet_…."""
    return f"lora_{module[4:]}" if module.startswith("oft_unet_") else module


def is_kohyas(names: Iterable[str]) -> bool:
    """Whether a file with these tensors is a LoRA in kohya's or LyCORIS' naming."""
    return any(name.partition(".")[2] in KNOWN_SUFFIXES for name in names)


def not_kohyas(header: ModelHeader) -> str:
    """The sentence for a file that is no LoRA in kohya's naming: what it is, and what can be done."""
    names = list(header.tensors)
    if any(place_of(name) for name in names):
        return (
            f"{header.path} is a LoRA in diffusers' or PEFT's naming: `python -m trainer_core convert` makes a file of it that "
            "can be worked on."
        )
    if any(re.search(r"[._]lora[._](?:A|B|up|down)\b", name) for name in names):
        return (
            f"{header.path} is a LoRA for another kind of model ({names[0]}): only Stable Diffusion 1.x, 2.x and XL are known "
            "here."
        )
    return f"{header.path} is not a LoRA in kohya's or LyCORIS' format: choose another file."
