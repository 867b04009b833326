"""What a setting is: one declaration from which command line, TOML, forms, checks and the reference page are made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

Kind = Literal["int", "float", "str", "flag", "path", "strings", "floats", "int_or_float", "size", "range", "stages"]
Treatment = Literal["implemented", "ignored", "refused"]

KIND_WORDS: dict[str, str] = {
    "int": "whole number",
    "float": "number",
    "str": "text",
    "flag": "yes or no",
    "path": "path",
    "strings": "list of words",
    "floats": "list of numbers",
    "int_or_float": "whole number of steps, or a share below 1",
    "size": "SIZE or WIDTH,HEIGHT",
    "range": "LOW,HIGH",
    "stages": "list of stages",
}


@dataclass(frozen=True)
class Setting:
    """One setting under kohya's name. Values have the Python type of `kind`:

    int, float, str, bool (flag), Path (path), tuple[str, ...] (strings), tuple[float, ...] (floats),
    int | float (int_or_float), (width, height) (size), (low, high) (range), tuple[dict, ...] (stages); None where nothing
    was given.
    `label` is the plain name that a form shows before kohya's; every `implemented` setting has one.
    `conflicts` names settings that can't be given together with this one. A setting that is not `implemented` has a
    `reason` for the user: why it is ignored, or why it is refused. `own` settings are not among kohya's flags.
    `applies_when`: the setting without which this one does nothing, and the values that it must have (none: any).
    """

    name: str
    kind: Kind
    default: Any
    help: str
    label: str = ""
    group: str = ""
    choices: tuple[Any, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    unit: str = ""
    conflicts: tuple[str, ...] = ()
    treatment: Treatment = "implemented"
    reason: str = ""
    advanced: bool = False
    own: bool = False
    applies_when: tuple[str, tuple[Any, ...]] | None = None
