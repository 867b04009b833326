"""What a page may ask of variants: options with plain values, checked before the trainer sees them."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..trainer_core.generate.sampler_names import AUTOMATIC, SAMPLERS, SCHEDULES
from .errors import Refused
from .lora_files import lora_at
from .rights import Rights, inside, shown

VARIANT_DEFAULTS: dict[str, Any] = {
    "pictures": [],  # names in the dataset
    "over": "",  # a variant of the one picture, which is drawn over in its place
    "count": 4,  # of each
    "denoise": 0.7,
    "seed": 0,  # of the first; the next ones count on
    "prompt": "",  # empty: each picture's caption
    "negative": "",
    "steps": 30,
    "cfg": 6.0,
    "sampler": "Euler a",
    "schedule": AUTOMATIC,
    "lora": "",
    "strength": 1.0,
    "mask": "",  # the name of one that the page handed in, for one picture
    "only_masked": False,
    "batch_size": 4,
}
_CHOICES = {"sampler": SAMPLERS, "schedule": SCHEDULES}
_LIMITS: dict[str, tuple[float, float]] = {
    "count": (1, 64),
    "denoise": (0.01, 1),
    "seed": (0, 2**53),  # what a browser's numbers hold
    "steps": (1, 500),
    "cfg": (1, 50),
    "strength": (-5, 5),
    "batch_size": (1, 64),
}
_MASK = re.compile(r"[0-9a-f]{16}\.png")
_VARIANT = re.compile(r"(?!\.)[^/\\:\0]{1,200}\.png", re.IGNORECASE)
_LONGEST, _MOST = 10_000, 500


def checked_variant_options(asked: Any, rights: Rights) -> dict[str, Any]:
    """The asked options, and the defaults for all others; Refused with one sentence."""
    if not isinstance(asked, Mapping):
        raise Refused("The options of variants must be names and values.")
    options = {**VARIANT_DEFAULTS, **{name: _checked(name, value, rights) for name, value in asked.items()}}
    if not options["pictures"]:
        raise Refused("First choose a picture.")
    if options["mask"] and len(options["pictures"]) > 1:
        raise Refused("A mask is of one picture: choose that alone, or take the mask away.")
    if options["over"] and len(options["pictures"]) > 1:
        raise Refused("One variant is drawn over at a time: choose its picture alone.")
    return options


def _checked(name: Any, value: Any, rights: Rights) -> Any:
    if name not in VARIANT_DEFAULTS:
        raise Refused(f"Variants have no option {shown(name)}.")
    if name in _CHOICES:
        if value not in _CHOICES[name]:
            raise Refused(f"{name} must be one of {', '.join(_CHOICES[name])}, not {shown(value)}.")
    elif name in _LIMITS:
        return _number(name, value)
    elif name == "pictures":
        if not isinstance(value, list) or len(value) > _MOST:
            raise Refused(f"pictures must be a list of at most {_MOST} names.")
        return [_named(one) for one in value]
    elif name == "only_masked":
        if not isinstance(value, bool):
            raise Refused(f"{name} can't be {shown(value)}.")
    elif not isinstance(value, str) or len(value) > _LONGEST or "\0" in value:
        raise Refused(f"{name} can't be {shown(value)}.")
    elif name == "over" and value:
        return variant_name(value)
    elif name == "lora" and value:
        return str(lora_at(value, rights))
    elif name == "mask" and value and not _MASK.fullmatch(value):
        raise Refused(f"No mask is called {shown(value)}: paint it again.")
    return value


def variant_name(name: Any) -> str:
    """The name of a variant's file; Refused for what can't be one."""
    if not isinstance(name, str) or not _VARIANT.fullmatch(name):
        raise Refused(f"No variant is called {shown(name)}.")
    return name


def _named(name: Any) -> str:
    """A picture's name in the dataset, which leads nowhere else."""
    inside(Path(), name, "The picture")
    return str(name)


def _number(name: str, value: Any) -> int | float:
    low, high = _LIMITS[name]
    whole = isinstance(VARIANT_DEFAULTS[name], int)
    plain = isinstance(value, int if whole else (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    if not plain or not low <= value <= high:
        raise Refused(f"{name} must be a {'whole ' if whole else ''}number from {low:g} to {high:g}, not {shown(value)}.")
    return value if whole else float(value)


def trainer_variant_options(options: Mapping[str, Any], masks: Path) -> dict[str, Any]:
    """The options as `python -m trainer_core variants` names them; the seed is one of the settings."""
    words = {name: value for name, value in options.items() if name not in ("seed", "mask", "lora", "strength", "only_masked")}
    if options["lora"]:
        words |= {"lora": options["lora"], "strength": options["strength"]}
    if options["over"]:
        del words["pictures"]
    if options["mask"]:
        words |= {"mask": str(masks / options["mask"]), "only_masked": options["only_masked"]}
    return words
