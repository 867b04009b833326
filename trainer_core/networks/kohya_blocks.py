"""kohya's words for blocks: down_lr_weight, mid_lr_weight, up_lr_weight with their curves, block_dims and their like."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..problems import UserError
from .block_weights import BlockWeights, all_ones
from .blocks import MID, NAMES, middle_part

RATE_WORDS = ("down_lr_weight", "mid_lr_weight", "up_lr_weight")
_CURVES = {
    "sine": lambda share: math.sin(math.pi / 2 * share),
    "cosine": lambda share: math.sin(math.pi / 2 * (1 - share)),
    "linear": lambda share: share,
    "reverse_linear": lambda share: 1 - share,
    "zeros": lambda share: 0.0,
}


def rate_weights(options: Mapping[str, Any], family: str) -> BlockWeights | None:
    """The blocks' weights from down_, mid_ and up_lr_weight; None where none is given. UserError with one sentence.

    Short lists are filled up with 1, long ones cut, as kohya does; what isn't given is 1.
    """
    if not any(options[name] for name in RATE_WORDS):
        return None
    sides, middles = (9, 3) if family == "sdxl" else (12, 1)
    floor = options["block_lr_zero_threshold"] or 0.0
    down = _side(options["down_lr_weight"], sides, "down_lr_weight", floor)
    middle = _side(options["mid_lr_weight"], middles, "mid_lr_weight", floor)
    up = _side(options["up_lr_weight"], sides, "up_lr_weight", floor)
    values = dict(all_ones().values)
    values |= {f"IN{number:02d}": weight for number, weight in enumerate(down)}
    values |= {f"OUT{number:02d}": weight for number, weight in enumerate(up)}
    for side in ("IN", "OUT"):  # blocks that SDXL lacks must not count in a minimum
        low = min(values[f"{side}{number:02d}"] for number in range(sides))
        values |= {f"{side}{number:02d}": low for number in range(sides, 12)}
    values[MID] = min(middle)
    parts = (middle[0], middle[1], middle[2]) if middles == 3 else None
    return BlockWeights(values, parts)


def _side(text: str | None, count: int, name: str, floor: float) -> list[float]:
    if not text:
        return [1.0] * count
    curve, _, base = text.partition("+")
    if curve in _CURVES:
        lift = _number(base, name) if base else 0.0
        numbers = [_CURVES[curve](place / max(count - 1, 1)) + lift for place in range(count)]
    else:
        numbers = [_number(word, name) if word.strip() else 0.0 for word in text.split(",")]
        numbers = [*numbers, *[1.0] * count][:count]
    return [number if number > floor else 0.0 for number in numbers]


def _number(word: str, name: str) -> float:
    try:
        number = float(word)
    except ValueError:
        number = math.nan
    if not math.isfinite(number) or number < 0:
        raise UserError(
            f"network_args: {name} has {word.strip()!r}: give numbers of at least 0, or one of {', '.join(_CURVES)} with a "
            "base such as sine+0.25."
        )
    return number


@dataclass(frozen=True)
class BlockRanks:
    """Rank and alpha of each block's modules, by kohya's 25 (SDXL: 23) places; conv: of convolutions wider than 1×1."""

    ranks: tuple[int, ...]
    alphas: tuple[float, ...]
    conv_ranks: tuple[int, ...] | None
    conv_alphas: tuple[float, ...] | None
    family: str

    def of(self, module: str, block: str | None, wide: bool) -> tuple[int, float]:
        """(rank, alpha) of a module; rank 0 where it gets none."""
        place = _place(module, block, self.family)
        if wide:
            if self.conv_ranks is None or self.conv_alphas is None:
                return 0, 0.0
            return self.conv_ranks[place], self.conv_alphas[place]
        return self.ranks[place], self.alphas[place]


def _place(module: str, block: str | None, family: str) -> int:
    """A block's number in kohya's lists; with SDXL the time embedding is the first and the last convolution the last."""
    if family != "sdxl":
        if block is None:
            return 24 if "out" in module else 0
        return NAMES[26].index(block) - 1
    if block is None:
        return 22 if module.endswith(("_out_2", "conv_out")) else 0
    if block == MID:
        return 10 + (middle_part(module) or 0)
    return int(block[-2:]) + (1 if block.startswith("IN") else 13)


def block_ranks(options: Mapping[str, Any], family: str, rank: int, alpha: float) -> BlockRanks | None:
    """From block_dims, block_alphas and their conv twins; None where none is given. UserError with one sentence.

    conv_dim holds for all blocks where conv_block_dims isn't given.
    """
    names = ("block_dims", "block_alphas", "conv_block_dims", "conv_block_alphas")
    if not any(options[name] for name in names):
        return None
    count = 23 if family == "sdxl" else 25
    for own, needed in (("block_alphas", "block_dims"), ("conv_block_alphas", "conv_block_dims")):
        if options[own] and not options[needed] and own == "conv_block_alphas" and not options["conv_dim"]:
            raise UserError(f"network_args: {own} needs {needed}.")
    ranks = _ranks(options["block_dims"], count, "block_dims") or (rank,) * count
    alphas = _list(options["block_alphas"], count, "block_alphas") or (alpha,) * count
    conv_ranks = _ranks(options["conv_block_dims"], count, "conv_block_dims")
    if conv_ranks is None and options["conv_dim"]:
        conv_ranks = (options["conv_dim"],) * count
    conv_alpha = 1.0 if options["conv_alpha"] is None else options["conv_alpha"]
    conv_alphas = _list(options["conv_block_alphas"], count, "conv_block_alphas") or (conv_alpha,) * count
    return BlockRanks(ranks, alphas, conv_ranks, conv_alphas, family)


def _ranks(text: str | None, count: int, name: str) -> tuple[int, ...] | None:
    numbers = _list(text, count, name)
    if numbers and any(not number.is_integer() or number > 768 for number in numbers):
        raise UserError(f"network_args: {name} must be whole numbers from 0 to 768.")
    return numbers and tuple(int(number) for number in numbers)


def _list(text: str | None, count: int, name: str) -> tuple[float, ...] | None:
    if not text:
        return None
    numbers = tuple(_number(word, name) for word in text.split(","))
    if len(numbers) != count:
        raise UserError(f"network_args: {name} has {len(numbers)} numbers, but this model's lists have {count}.")
    return numbers
