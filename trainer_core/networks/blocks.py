"""The blocks of a UNet under the names that block-weight lists have: one table for training, baking, analysis and screens.

A list has 12, 17, 20 or 26 numbers, as sd-webui-lora-block-weight counts them: BASE is the text encoder, then come the
UNet's blocks that a network of that kind has. LoRA-LierLa lives in the attention blocks alone (17 with Stable Diffusion 1.x
and 2.x, 12 with SDXL), a network with convolutions in all of them (26 and 20).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from ..guide.tables import carried

BASE, MID = "BASE", "M00"


def _numbered(side: str, *numbers: int) -> tuple[str, ...]:
    return tuple(f"{side}{number:02d}" for number in numbers)


NAMES: dict[int, tuple[str, ...]] = {
    12: (BASE, *_numbered("IN", 4, 5, 7, 8), MID, *_numbered("OUT", *range(6))),
    17: (BASE, *_numbered("IN", 1, 2, 4, 5, 7, 8), MID, *_numbered("OUT", *range(3, 12))),
    20: (BASE, *_numbered("IN", *range(9)), MID, *_numbered("OUT", *range(9))),
    26: (BASE, *_numbered("IN", *range(12)), MID, *_numbered("OUT", *range(12))),
}
ALL_NAMES = NAMES[26]
# Flux lists, which a presets file may hold too: they are kept, but mean nothing here.
FOREIGN_LENGTHS = (61,)
# All of Stable Diffusion 1.x's blocks without BASE: so people write lists for LyCORIS; webui's extension passes over them.
WITHOUT_BASE = 25


@dataclass(frozen=True)
class BlockList:
    """One of the four lists. `levels`: how many sizes the UNet works at; `whole`: with the blocks of convolutions alone."""

    length: int
    family: str
    whole: bool
    levels: int
    title: str

    @property
    def names(self) -> tuple[str, ...]:
        return NAMES[self.length]


LISTS: dict[int, BlockList] = {
    17: BlockList(17, "sd1", False, 4, "LoRA on Stable Diffusion 1.x or 2.x"),
    26: BlockList(26, "sd1", True, 4, "LoCon, LyCORIS on Stable Diffusion 1.x or 2.x"),
    12: BlockList(12, "sdxl", False, 3, "LoRA on SDXL"),
    20: BlockList(20, "sdxl", True, 3, "LoCon, LyCORIS on SDXL"),
}


def carries(block: str) -> str:
    """What the guide says that a block carries, as a sentence."""
    about = {one.code: one.about for one in carried()}
    if block in about:
        return about[block]
    return about["OUT04-OUT06" if block in ("OUT04", "OUT05", "OUT06") else "IN" if block.startswith("IN") else "OUT"]


def list_length(family: str, whole: bool) -> int:
    """How many numbers a list has for "sd1", "sd2" or "sdxl"; `whole`: of a network with convolutions in every block."""
    if family == "sdxl":
        return 20 if whole else 12
    return 26 if whole else 17


def lengths_for(family: str) -> tuple[int, int]:
    """The two lengths that fit a family, the shorter first."""
    return list_length(family, False), list_length(family, True)


def block_names(family: str) -> tuple[str, ...]:
    """All of a family's blocks in order, BASE first."""
    return NAMES[list_length(family, True)]


def size_divisor(block: str, levels: int) -> int:
    """By what a picture's latent is divided where the block works: 1, 2, 4 or 8; for drawings. BASE works at none: 0."""
    if block == BASE:
        return 0
    if block == MID:
        return 2 ** (levels - 1)
    number = int(block[-2:])
    level = number // 3 if block.startswith("IN") else levels - 1 - number // 3
    return 2**level


_DIFFUSERS = re.compile(r"(down|up)_blocks_(\d+)_(attentions|resnets|downsamplers|upsamplers)_(\d+)(?:_|$)")
_LDM = re.compile(r"(input|output)_blocks_(\d+)(?:_|$)")
_MIDDLE = re.compile(r"mid(?:dle)?_block(?:_(?:(attentions|resnets)_)?(\d+))?(?:_|$)")


def block_of(module: str) -> str | None:
    """The block of a module, of a LoRA's key or of a place in diffusers' or LDM's UNet; None where it is in no block.

    `lora_unet_down_blocks_1_attentions_0_proj_in.alpha` and `input_blocks.4.1.proj_in` are both IN04. Text encoders are BASE.
    In no block: the time embedding, SDXL's label embedding and the last convolution.
    """
    name = module.partition(".")[0] if module.startswith(("lora_", "lycoris_", "oft_")) else module.replace(".", "_")
    if name.startswith("lora_te") or "text_model" in name or "text_encoder" in name:
        return BASE
    if found := _DIFFUSERS.search(name):
        side, level, kind, number = found[1], int(found[2]), found[3], int(found[4])
        place = 3 * level + (2 if kind.endswith("samplers") else number)
        return f"IN{1 + place:02d}" if side == "down" else f"OUT{place:02d}"
    if found := _LDM.search(name):
        return f"{'IN' if found[1] == 'input' else 'OUT'}{int(found[2]):02d}"
    if _MIDDLE.search(name):
        return MID
    return "IN00" if re.search(r"(?:^|_)conv_in(?:_|$)", name) else None


def middle_part(module: str) -> int | None:
    """0, 1 or 2 where the module is in the middle block's first resnet, its attention or its second resnet."""
    found = _MIDDLE.search(module.partition(".")[0] if module.startswith("lora_") else module.replace(".", "_"))
    if not found or found[2] is None:
        return None
    if found[1] is None:
        return int(found[2])
    return 1 if found[1] == "attentions" else 2 * int(found[2])


def places(block: str, family: str) -> tuple[str, ...]:
    """Where a block lies in diffusers' UNet, as prefixes of module names; BASE and blocks that the family lacks: none."""
    levels = 3 if family == "sdxl" else 4
    if block == MID:
        return ("mid_block",)
    if block == BASE or block not in block_names(family):
        return ()
    number = int(block[-2:])
    if block == "IN00":
        return ("conv_in",)
    if block.startswith("IN"):
        level, place = divmod(number - 1, 3)
        if place == 2:
            return (f"down_blocks.{level}.downsamplers.0",)
        attention = (f"down_blocks.{level}.attentions.{place}",) if _attends(level, levels) else ()
        return (f"down_blocks.{level}.resnets.{place}", *attention)
    level, place = divmod(number, 3)
    found = [f"up_blocks.{level}.resnets.{place}"]
    if _attends(levels - 1 - level, levels):
        found.append(f"up_blocks.{level}.attentions.{place}")
    if place == 2 and level < levels - 1:
        found.append(f"up_blocks.{level}.upsamplers.0")
    return tuple(found)


def _attends(level: int, levels: int) -> bool:
    """Whether blocks of that size have attention: all but the smallest, with SDXL all but the largest."""
    return level > 0 if levels == 3 else level < levels - 1


def expanded(values: tuple[float, ...]) -> dict[str, float]:
    """{block: weight} of all 26 blocks from a list of a known length; blocks that the list leaves out have 0."""
    return {**dict.fromkeys(ALL_NAMES, 0.0), **dict(zip(NAMES[len(values)], values, strict=True))}
