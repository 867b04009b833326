"""How a project's regularization pictures are made: options as the page keeps them, checked, and as the trainer takes them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ..tagger.captions import split_tags
from ..trainer_core.generate.sampler_names import AUTOMATIC, SAMPLERS, SCHEDULES
from .errors import FORBIDDEN, Refused
from .rights import Rights, shown

WAYS = ("matched", "class", "folder")
SET = "1_reg"  # one folder whatever the class word, so that another one makes the set stale and not a second set beside it
_LONGEST, _MOST_TAGS = 2000, 100

REG_DEFAULTS: dict[str, Any] = {
    "way": "matched",
    "class_word": "",
    "drop_activation": False,  # the activation tag is taken out, and nothing is put in its place
    "activation": "",  # empty: the tag that most captions begin with
    "count": 50,
    "tags": [],
    "seeds": "same",
    "sampler": "DDIM",
    "schedule": AUTOMATIC,
    "steps": 30,
    "cfg": 6.0,
    "negative": "",
    "batch_size": 4,
    "folder": "",  # the user's own pictures
    "taken": "",  # the job whose pictures the project took last
}
_CHOICES = {"way": WAYS, "seeds": ("same", "index"), "sampler": SAMPLERS, "schedule": SCHEDULES}
_LIMITS = {"count": (1, 10_000), "steps": (1, 1000), "batch_size": (1, 64), "cfg": (1, 30)}


def checked_reg_options(asked: Any, rights: Rights, kept: Mapping[str, Any] = REG_DEFAULTS) -> dict[str, Any]:
    """The asked options with plain values; `kept`: what the project has. Refused with one sentence."""
    if not isinstance(asked, Mapping):
        raise Refused("The options for regularization pictures must be names and values.")
    checked: dict[str, Any] = {}
    for name, value in asked.items():
        if name not in REG_DEFAULTS:
            raise Refused(f"Regularization pictures have no option {shown(name)}.")
        if name == "folder" and value and value != kept["folder"]:
            if rights.hide_folders:
                raise Refused("Folders can't be changed: this webui was started with --hide-ui-dir-config.", FORBIDDEN)
            value = str(rights.may_read(value, "The folder of regularization pictures"))
        checked[name] = _checked(name, REG_DEFAULTS[name] if value is None else value)
    return checked


def _checked(name: str, value: Any) -> Any:
    if name in _CHOICES:
        if value not in _CHOICES[name]:
            raise Refused(f"{name} must be one of {', '.join(_CHOICES[name])}, not {shown(value)}.")
    elif name in _LIMITS:
        low, high = _LIMITS[name]
        whole = isinstance(REG_DEFAULTS[name], int)
        is_number = isinstance(value, int if whole else (int, float)) and not isinstance(value, bool)
        if not is_number or not low <= value <= high:
            raise Refused(f"{name} must be a {'whole ' if whole else ''}number from {low} to {high}, not {shown(value)}.")
    elif not _TYPES[type(REG_DEFAULTS[name])](value):
        raise Refused(f"{name} can't be {shown(value)}.")
    return value


_TYPES: dict[type, Callable[[Any], bool]] = {
    str: lambda value: isinstance(value, str) and len(value) <= _LONGEST and "\0" not in value and "\n" not in value,
    bool: lambda value: isinstance(value, bool),
    list: lambda value: (
        isinstance(value, list) and len(value) <= _MOST_TAGS and all(isinstance(tag, str) and len(tag) <= 500 for tag in value)
    ),
}


def reg_root(project_folder: Path, way: str) -> Path:
    """Where a project's made set lies, to be given as reg_data_dir; each way has its own."""
    return project_folder / "reg" / way


def trainer_options(options: Mapping[str, Any], root: Path, *, redo: bool = False) -> dict[str, Any]:
    """The options as `python -m trainer_core reg` names them. Refused where something is missing."""
    way = options["way"]
    if way == "folder":
        raise Refused("Your own folder is taken as it is: choose another way to have pictures drawn.")
    class_word, drop = ", ".join(split_tags(options["class_word"])), options["drop_activation"] and way == "matched"
    if not class_word and not drop:
        raise Refused("No class word is given: say what your subject is one of, such as 1girl.")
    asked = {
        "kind": way,
        "class_word": "" if drop else class_word,
        "out": str(root),
        "folder": SET,
        **{name: options[name] for name in ("sampler", "schedule", "steps", "cfg", "negative", "batch_size")},
        "redo": redo,
    }
    if way == "class":
        return {**asked, "count": options["count"], "tags": ", ".join(options["tags"])}
    activation = options["activation"].strip()
    named = {"activation": activation} if activation else {}
    return {**asked, **named, "drop_activation": drop, "seeds": options["seeds"]}
