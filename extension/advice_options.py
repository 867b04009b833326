"""What the Train tab's questions were answered with, as a project keeps it; kind and difficulty are settings of the run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..trainer_core.guide.bases import looks
from ..trainer_core.guide.tables import uses
from .asked_settings import checked_settings
from .errors import Refused
from .rights import Rights, shown

QUALITIES = ("good", "poor")
MOST_GB = 1024
ADVICE_DEFAULTS: dict[str, Any] = {
    "vram": 0,  # GB of the GPU's memory; 0: not said
    "use": "",  # what the LoRA is for; empty: not said
    "quality": "",  # of the pictures
    "looks": "",  # drawn, real or furry
    "male": False,  # bases know women better
    "known": "",  # whether the base draws the subject already: yes, no
    "taken": {},  # the values that the advice set, by setting: where they still stand, a later advice may change them
}


def checked_advice_options(asked: Any, rights: Rights) -> dict[str, Any]:
    """Answers with plain values; Refused with one sentence. None takes an answer back."""
    if not isinstance(asked, Mapping):
        raise Refused("The answers must be names and values.")
    checked: dict[str, Any] = {}
    for name, value in asked.items():
        if name not in ADVICE_DEFAULTS:
            raise Refused(f"There is no question {shown(name)}.")
        checked[name] = ADVICE_DEFAULTS[name] if value is None else _checked(name, value, rights)
    return checked


def _checked(name: str, value: Any, rights: Rights) -> Any:
    if name == "taken":
        return checked_settings(value, rights)
    if name == "male":
        if not isinstance(value, bool):
            raise Refused(f"{name} can't be {shown(value)}.")
        return value
    if name == "vram":
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= MOST_GB:
            raise Refused(f"vram must be a GPU's memory in GB, not {shown(value)}.")
        return value
    uses_of_it = tuple(one.code for one in uses())
    choices = {"use": uses_of_it, "quality": QUALITIES, "known": ("yes", "no"), "looks": tuple(looks())}[name]
    if value not in ("", *choices):
        raise Refused(f"{name} must be one of {', '.join(choices)}, not {shown(value)}.")
    return value
