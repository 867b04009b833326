"""From what is known of pictures, base model and wishes to settings with a reason each.

Light: standard library only; `trainer_core/advise.py` looks at the files and writes the settings.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class FolderFacts:
    """A folder of training pictures: its name, pictures, and the repeats that its name gives."""

    name: str
    pictures: int
    repeats: int


@dataclass(frozen=True)
class DatasetFacts:
    """What was seen of the pictures.

    `sides`: square root of each picture's area, in pixels, smallest first. `tags`: how many pictures have a tag. `captioned`:
    pictures with a caption of their own. `longest_tokens`: of the longest caption, None where it isn't known.
    `first_tags`: how many pictures begin with a tag.
    """

    folders: tuple[FolderFacts, ...]
    sides: tuple[int, ...] = ()
    captioned: int = 0
    tags: Mapping[str, int] = field(default_factory=dict)
    first_tags: Mapping[str, int] = field(default_factory=dict)
    longest_tokens: int | None = None

    @property
    def pictures(self) -> int:
        return sum(one.pictures for one in self.folders)


@dataclass(frozen=True)
class BaseFacts:
    """What a base model's file shows. `family`: sd1, sd2 or sdxl. `width`: channels of the UNet's first level (320 in every
    Stable Diffusion). `resolution`: the side that it was trained at, where its file says so."""

    family: str = "sd1"
    width: int = 320
    resolution: int | None = None
    path: str = ""


@dataclass(frozen=True)
class Answers:
    """What the user said; None where nothing was. `kind`: character, style, concept, vehicle. `difficulty`: A to I.
    `use`: usual, accurate, face, humanize. `vram_gb`: the GPU's memory. `quality`: good or poor. `known`: whether the base
    draws the subject already."""

    kind: str | None = None
    difficulty: str | None = None
    use: str | None = None
    vram_gb: float | None = None
    quality: str | None = None
    optimizer: str | None = None
    male: bool = False
    known: bool | None = None


@dataclass(frozen=True)
class Reasoned:
    """A setting's value and why: one English sentence, and where that comes from ("guide l. 276"; "" where from the files)."""

    name: str
    value: Any
    reason: str
    source: str = ""


@dataclass(frozen=True)
class Advice:
    """Settings by kohya's names, and sentences on what was assumed and what to do first."""

    values: tuple[Reasoned, ...]
    notices: tuple[str, ...] = ()

    def settings(self) -> dict[str, Any]:
        return {one.name: one.value for one in self.values}
