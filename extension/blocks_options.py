"""What the Block weights tab keeps in a project: a list of weights, X, and the LoRA that is looked at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..trainer_core.networks.block_presets import checked_values, is_value
from ..trainer_core.networks.blocks import NAMES
from ..trainer_core.problems import UserError
from .errors import Refused
from .rights import Rights, shown

BLOCKS_DEFAULTS: dict[str, Any] = {
    "values": ["1"] * 17,  # in the order of the list of that length
    "preset": "",  # which preset they came from; empty: numbers of one's own
    "x": 0.5,
    "te": 1.0,
    "unet": 1.0,
    "lora": "",
}
_LONGEST_NAME, _LONGEST_PATH, _LARGEST = 200, 4096, 100.0


def checked_blocks_options(asked: Any, rights: Rights) -> dict[str, Any]:
    """The asked options with plain values and an allowed path. Refused with one sentence."""
    if not isinstance(asked, Mapping):
        raise Refused("The options for block weights must be names and values.")
    return {name: _checked(name, value, rights) for name, value in asked.items()}


def _checked(name: Any, value: Any, rights: Rights) -> Any:
    if name not in BLOCKS_DEFAULTS:
        raise Refused(f"Block weights have no option {shown(name)}.")
    if value is None:
        return BLOCKS_DEFAULTS[name]
    if name == "values":
        return checked_list(value)
    if name in ("x", "te", "unet"):
        return checked_number(name, value)
    if not isinstance(value, str) or "\0" in value or "\n" in value:
        raise Refused(f"{name} can't be {shown(value)}.")
    if name == "lora":
        return str(rights.may_read(value, "The LoRA")) if value and len(value) <= _LONGEST_PATH else ""
    if len(value) > _LONGEST_NAME:
        raise Refused(f"{name} can't be {shown(value)}.")
    return value


def checked_number(name: str, value: Any) -> float:
    plain = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not plain or not abs(value) <= _LARGEST:  # what is no number compares with nothing
        raise Refused(f"{name} must be a number from {-_LARGEST:g} to {_LARGEST:g}, not {shown(value)}.")
    return float(value)


def checked_list(value: Any) -> list[str]:
    """A list of block weights in words, of a length that there is; each a number, or X, X+0.2, R or U."""
    if not isinstance(value, list) or not all(isinstance(word, str) and len(word) <= 20 for word in value):
        raise Refused("The weights must be a list of words.")
    try:
        return list(checked_values(value, "The list"))
    except UserError as error:
        raise Refused(str(error)) from None


def words_of(values: Sequence[str]) -> str:
    return ",".join(values)


def fits(text: str) -> bool:
    """Whether a text is a list of block weights, and not a preset's name."""
    words = text.split(",")
    return len(words) in NAMES and all(is_value(word.strip()) for word in words)
