"""What an entry of each of the guide's tables holds. Light: standard library only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Fact:
    """A single figure. `truth`: what is so where the guide errs or is silent; `measured`: what the toy world showed."""

    value: Any
    about: str
    line: str
    truth: str = ""
    measured: str = ""


@dataclass(frozen=True)
class DifficultyClass:
    """A to I, the easiest first: the range of ranks, and the kinds of network that can hold it."""

    code: str
    about: str
    rank: tuple[int, int]
    types: tuple[str, ...]
    line: str
    truth: str = ""


@dataclass(frozen=True)
class Use:
    """What the LoRA is for: factors of steps and rate, and where in the range of ranks (0 lowest, 1 highest) it lies."""

    code: str
    about: str
    steps: float
    rate: float
    rank_end: float
    line: str


@dataclass(frozen=True)
class InitialSettings:
    """A row of the guide's table of initial settings; None where the guide leaves it open, or it is found by the optimizer.

    `adaptive_scheduler`: ours, for optimizers that find their own rate, where the guide has a constant one for all.
    """

    kind: str
    quality: str
    pictures: tuple[int, int]
    rank: tuple[int, int]
    alpha: str
    unet_lr: float | None
    text_encoder_lr: float | None
    reg: bool | None
    steps: int | None
    resolution: tuple[int, int]
    line: str
    truth: str = ""
    measured: str = ""
    adaptive_scheduler: str = "cosine"


@dataclass(frozen=True)
class SimpleForm:
    """The simple settings in one optimizer's form; the values are the preset's."""

    code: str
    preset: str
    about: str
    line: str


@dataclass(frozen=True)
class Alternative:
    """Another value that the simple settings allow."""

    setting: str
    value: Any
    about: str
    line: str
    truth: str = ""


@dataclass(frozen=True)
class OptimizerRow:
    """An optimizer as the guide has it; `arguments` are those that it needs."""

    code: str
    arguments: tuple[str, ...]
    memory: str
    about: str
    line: str
    truth: str = ""
    measured: str = ""


@dataclass(frozen=True)
class Damping:
    """A setting that slows learning: `strength` arrows for each step `per`, `memory` arrows; None where it isn't known."""

    setting: str
    low: float
    high: float | None
    usual: str
    strength: int | None
    per: str
    memory: int
    about: str
    line: str
    truth: str = ""


@dataclass(frozen=True)
class AlphaRow:
    """What an alpha does with a rank: the LoRA acts with `scale`."""

    alpha: float
    rank: int
    scale: float
    line: str
    truth: str = ""


@dataclass(frozen=True)
class RankRow:
    """The rank for a kind from so many pictures on."""

    kind: str
    pictures: int
    rank: int
    about: str
    line: str


@dataclass(frozen=True)
class Named:
    """A figure with a name of its own within its table."""

    code: str
    value: Any
    about: str
    line: str
    truth: str = ""


@dataclass(frozen=True)
class LycorisRow:
    """A kind of LyCORIS network; `rate`: how many times the usual learning rate, `least_gb`: GPU memory that it wants."""

    code: str
    about: str
    drawback: str
    least_gb: int
    rate: float
    suits: tuple[str, ...]
    line: str


@dataclass(frozen=True)
class Carried:
    """What a block, a side (IN, OUT) or a run of blocks of the UNet carries."""

    code: str
    about: str
    line: str


@dataclass(frozen=True)
class BlockUse:
    """Which blocks to train for what: a preset of block weights."""

    code: str
    preset: str
    about: str
    line: str


@dataclass(frozen=True)
class MemoryRow:
    """Settings for a GPU of `from_gb` and more; `family` is sd (1.x and 2.x) or sdxl."""

    family: str
    from_gb: float
    optimizer: str
    settings: dict[str, Any]
    about: str
    line: str
    truth: str = ""


@dataclass(frozen=True)
class Look:
    """How a subject looks, by which a base model is chosen."""

    code: str
    about: str
    line: str


@dataclass(frozen=True)
class Base:
    """A kind of base model. `names`: an expression for the file names of its models. `family`: sd1, sd2 or sdxl, "" for any.

    `tags`: the vocabularies that it knows. `clip_skip`: what it was trained with, None where the family has none. `suits`:
    looks that it is recommended for, `also`: others that do. `truth`: where it is none of the guide's, why it is here.
    """

    code: str
    title: str
    family: str
    names: str
    tags: tuple[str, ...]
    clip_skip: int | None
    suits: tuple[str, ...]
    about: str
    line: str
    truth: str = ""
    also: tuple[str, ...] = ()


@dataclass(frozen=True)
class Vocabulary:
    """Tags by which a vocabulary is told from others. `taggers`: an expression for the names of taggers that write it."""

    code: str
    title: str
    taggers: str
    tags: tuple[str, ...]
    line: str
