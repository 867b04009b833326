"""What advice is made from, and what it is made of, as plain values. Light: standard library only."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

USUAL_WIDTH = 320  # channels of the first level of every Stable Diffusion's UNet


def rank_for_width(rank: int, width: int) -> int:
    """What a rank that is meant for Stable Diffusion is in a UNet that begins with fewer channels: a share, a power of two."""
    return rank if width >= USUAL_WIDTH else 2 ** math.ceil(math.log2(max(1, rank * width / USUAL_WIDTH)))


@dataclass(frozen=True)
class FolderFacts:
    """A folder of training pictures: its name and what that says, `subject` and repeats."""

    name: str
    pictures: int
    repeats: int
    subject: str = ""


@dataclass(frozen=True)
class DatasetFacts:
    """What was seen of the pictures.

    `sides`: square root of each picture's area, in pixels, smallest first. `captioned`: pictures with a caption of their own.
    `activation`: the tag that most captions begin with, and `without_activation` how many don't. `everywhere`: other tags
    that all captions or nearly all have, but for words such as 1girl. `max_token_length`: the smallest that cuts no caption,
    None where that isn't known. `is_plain`: the pictures lie in the folder itself, whose repeats are a setting. `looks`: drawn
    or furry where the captions' tags tell it, else "".
    """

    folders: tuple[FolderFacts, ...]
    sides: tuple[int, ...] = ()
    captioned: int = 0
    activation: str = ""
    without_activation: int = 0
    everywhere: tuple[str, ...] = ()
    max_token_length: int | None = None
    is_plain: bool = False
    looks: str = ""

    @property
    def pictures(self) -> int:
        return sum(one.pictures for one in self.folders)

    @property
    def seen(self) -> int:
        """Pictures that an epoch shows, repeats counted."""
        return sum(one.pictures * one.repeats for one in self.folders)

    @property
    def side(self) -> int | None:
        """The middle one of all sides."""
        return self.sides[len(self.sides) // 2] if self.sides else None


@dataclass(frozen=True)
class BaseFacts:
    """What a base model's file shows. `family`: sd1, sd2 or sdxl. `width`: channels of the UNet's first level, 320 in every
    Stable Diffusion. `resolution`: the side that it draws at. `clip_skip`: where the file's name tells it. `name`: the file's,
    "" where none is chosen. `prediction`: what the file says that it predicts, v_prediction or epsilon."""

    family: str = "sd1"
    width: int = USUAL_WIDTH
    resolution: int = 512
    clip_skip: int | None = None
    name: str = ""
    prediction: str = "epsilon"


@dataclass(frozen=True)
class Answers:
    """What the user said; None where nothing was.

    `kind`: character, style, concept or vehicle. `difficulty`: A to I. `use`: usual, accurate, face or humanize. `vram_gb`: the
    GPU's memory. `quality`: good or poor. `known`: whether the base draws the subject by its name already. `network`: lora, or
    a kind of LyCORIS. `reg`: whether there are, or shall be, regularization pictures.
    `looks`: drawn, real or furry, by which a base model is chosen.
    """

    kind: str | None = None
    difficulty: str | None = None
    use: str | None = None
    vram_gb: float | None = None
    quality: str | None = None
    optimizer: str | None = None
    network: str | None = None
    known: bool | None = None
    reg: bool | None = None
    male: bool = False
    looks: str | None = None


@dataclass(frozen=True)
class Reasoned:
    """A setting's value and why: one English sentence, and where that comes from ("guide l. 276"; "" where from the files)."""

    name: str
    value: Any
    reason: str
    source: str = ""


@dataclass(frozen=True)
class Advice:
    """Settings by kohya's names, and sentences on what was assumed and what to do first. `steps`: those of the whole run.

    `wants_reg`: regularization pictures are advised.
    """

    values: tuple[Reasoned, ...]
    notices: tuple[str, ...] = ()
    steps: int = 0
    wants_reg: bool = False

    def settings(self) -> dict[str, Any]:
        return {one.name: one.value for one in self.values}


def guide(lines: str) -> str:
    """The source of what the guide says in these lines."""
    return f"guide l. {lines}"
