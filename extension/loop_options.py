"""What a page may ask of a rare-character loop: options with plain values, checked before the trainer sees them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from ..tagger.captions import typed_tags
from .errors import Refused
from .grid_options import SAMPLERS
from .rights import Rights, shown

LOOP_DEFAULTS: dict[str, Any] = {
    "rounds": 5,
    "epochs": 10,
    "candidates": 12,
    "prompts": "",  # one a line; empty: the stored lists
    "accept_by": "person",
    "wanted": "",  # tags with commas between them
    "wanted_above": 0.5,
    "accept_most": 6,
    "leave_out": "",
    "strength": 1.0,
    "steps": 20,
    "cfg": 6.0,
    "sampler": "Euler a",
    "negative": "",
    "checkpoints": [],
}
_CHOICES = {"accept_by": ("person", "tagger"), "sampler": SAMPLERS}
_LIMITS: dict[str, tuple[float, float]] = {
    "rounds": (1, 100),
    "epochs": (1, 1000),
    "candidates": (1, 200),
    "wanted_above": (0.001, 0.999),
    "accept_most": (1, 200),
    "strength": (-5, 5),
    "steps": (1, 500),
    "cfg": (1, 50),
}
_LONGEST, _MOST_FILES = 20_000, 20
_TAGS = ("wanted", "leave_out")


def checked_loop_options(asked: Any, rights: Rights) -> dict[str, Any]:
    """The asked options, and the defaults for all others; Refused with one sentence."""
    if not isinstance(asked, Mapping):
        raise Refused("The options of a loop must be names and values.")
    return {**LOOP_DEFAULTS, **{name: _checked(name, value, rights) for name, value in asked.items()}}


def _checked(name: Any, value: Any, rights: Rights) -> Any:
    if name not in LOOP_DEFAULTS:
        raise Refused(f"A loop has no option {shown(name)}.")
    if name in _CHOICES:
        if value not in _CHOICES[name]:
            raise Refused(f"{name} must be one of {', '.join(_CHOICES[name])}, not {shown(value)}.")
        return value
    if name in _LIMITS:
        return _number(name, value)
    if name == "checkpoints":
        if not isinstance(value, list) or len(value) > _MOST_FILES:
            raise Refused(f"checkpoints must be a list of at most {_MOST_FILES} values.")
        return [str(rights.may_read(one, "The checkpoint")) for one in value]
    if not isinstance(value, str) or len(value) > _LONGEST or "\0" in value:
        raise Refused(f"{name} can't be {shown(value)}.")
    return value


def _number(name: str, value: Any) -> int | float:
    low, high = _LIMITS[name]
    whole = isinstance(LOOP_DEFAULTS[name], int)
    plain = isinstance(value, int if whole else (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    if not plain or not low <= value <= high:
        raise Refused(f"{name} must be a {'whole ' if whole else ''}number from {low:g} to {high:g}, not {shown(value)}.")
    return value if whole else float(value)


def trainer_loop_options(options: Mapping[str, Any]) -> dict[str, Any]:
    """The options as a job of the trainer takes them."""
    words = {name: value for name, value in options.items() if name not in (*_TAGS, "prompts")}
    words |= {name: typed_tags(options[name]) for name in _TAGS}
    return {**words, "prompts": [line.strip() for line in options["prompts"].splitlines() if line.strip()]}
