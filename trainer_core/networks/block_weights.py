"""Block weights in words (a preset's name or a list, with X) → a number for each block."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..problems import UserError
from .block_presets import PresetFile, built_in, checked_values
from .blocks import BASE, LISTS, MID, NAMES, WITHOUT_BASE, block_names, expanded, lengths_for, list_length, middle_part


@dataclass(frozen=True)
class BlockWeights:
    """`values`: {block: weight} of all 26 blocks; `parts`: of the middle block's three parts where they differ."""

    values: Mapping[str, float]
    parts: tuple[float, float, float] | None = None
    notices: tuple[str, ...] = ()

    def of(self, module: str, block: str | None) -> float:
        """The weight of a module in `block`; what is in no block has the smallest of the UNet's weights."""
        if block == MID and self.parts is not None:
            return self.parts[middle_part(module) or 0]
        if block is None:
            return min(self.unet().values())
        return self.values[block]

    def unet(self) -> dict[str, float]:
        return {block: weight for block, weight in self.values.items() if block != BASE}


def all_ones() -> BlockWeights:
    return BlockWeights(dict.fromkeys(NAMES[26], 1.0))


def parse_block_weights(
    text: str,
    family: str,
    *,
    whole: bool = False,
    x: float | None = None,
    presets: Mapping[str, str] | None = None,
    what: str = "block_weights",
) -> BlockWeights:
    """The weights that a preset's name, or a list of numbers, gives a model of "sd1", "sd2" or "sdxl".

    `presets`: {name: list} of the user's own, which come before the built-in ones. `whole`: the network is one with
    convolutions in every block, so that a short list leaves blocks out (they get 0, with a notice). UserError with one
    sentence where the name is unknown, the number of numbers doesn't fit the family, a value is no number, or X has no value.
    """
    text = text.strip()
    if text.startswith("[") and text.endswith("]"):  # as kohya's merging scripts have their lists
        text = text[1:-1]
    notices: list[str] = []
    name = ""
    if "," not in text:
        name, text = text, _preset(text, family, whole, presets or {}, what)
    values = [value.strip() for value in text.split(",")]
    shown = f"{what} {name}".strip()
    if len(values) == WITHOUT_BASE and family != "sdxl":
        values.insert(0, "1")
        notices.append(f"{shown} has 25 numbers: BASE, the text encoder, was put before them with 1.")
    lengths = lengths_for(family)
    if len(values) not in lengths:
        fitting = f"{lengths[0]} ({LISTS[lengths[0]].title}) or {lengths[1]}"
        raise UserError(f"{shown} has {len(values)} numbers, but this model's lists have {fitting}: give one of these.")
    if whole and len(values) == lengths[0]:
        left_out = [block for block in NAMES[lengths[1]] if block not in NAMES[lengths[0]]]
        notices.append(f"{shown} has {len(values)} numbers: the blocks that it leaves out, {', '.join(left_out)}, get 0.")
    numbers = tuple(_number(value, x, shown) for value in checked_values(values, shown))
    return BlockWeights(_missing_blocks(numbers, family), notices=tuple(notices))


def _missing_blocks(numbers: Sequence[float], family: str) -> dict[str, float]:
    """All 26 blocks; those that the family hasn't count as its smallest, so that they never raise a minimum."""
    weights = expanded(tuple(numbers))
    own = block_names(family)
    low = min(weights[block] for block in own if block != BASE)
    return {block: weight if block in own else low for block, weight in weights.items()}


def _preset(name: str, family: str, whole: bool, presets: Mapping[str, str], what: str) -> str:
    if name in presets:
        return presets[name]
    for length in (list_length(family, whole), *lengths_for(family)):
        if name in built_in(length):
            return built_in(length)[name]
    known = sorted({*presets, *(one for length in lengths_for(family) for one in built_in(length))})
    raise UserError(f"{what}: there is no preset {name!r}; there are {', '.join(known)}, or give a list of numbers.")


def _number(value: str, x: float | None, shown: str) -> float:
    if value in ("R", "U"):
        raise UserError(f"{shown} has {value}, a random weight: training needs numbers, or X with x=.")
    if not value.startswith("X"):
        return float(value)
    if x is None:
        raise UserError(f"{shown} has X: give its value beside it as x=0.5, for example.")
    return x + float(value[1:] or 0)


def user_presets(files: Iterable[Path]) -> dict[str, str]:
    """{name: list} of presets files that are there; the first that has a name wins."""
    found: dict[str, str] = {}
    for path in files:
        found = {**PresetFile.read(path).presets(), **found}
    return found


def as_words(weights: Mapping[str, float], length: int) -> str:
    """A list as text, in the order of lists of that length."""
    return ",".join(f"{weights[block]:g}" for block in NAMES[length])
