"""What a project's test grids vary: the options as the page keeps them, checked, and as the trainer takes them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..trainer_core.generate.sampler_names import AUTOMATIC, SAMPLERS, SCHEDULES
from .errors import Refused
from .models import allowed_tagger
from .rights import Rights, file_name, shown

AXES = ("snapshots", "strength", "te", "unet", "lbw", "x", "together", "checkpoints", "prompts", "seeds", "cfg",
        "sampler", "steps", "clip_skip")  # fmt: skip
_LONGEST, _MOST, _MOST_FILES = 20_000, 40, 200

TEST_DEFAULTS: dict[str, Any] = {
    "run": "",  # the job of the training; empty: the newest
    "snapshots": [],  # names of the run's files; none: all
    "loras": [],  # files of other runs
    "parts": False,  # text encoder and UNet apart
    "strength": [0.5, 0.8, 1.0, 1.2],
    "te": [0.1, 0.25, 0.5, 1.0, 2.0],
    "unet": [0.1, 0.25, 0.5, 1.0, 2.0],
    "lbw": [],  # block weights: presets' names, or lists of numbers
    "x": [],  # values of X in them
    "together": [],  # further LoRAs put on with it
    "suites": ["first_look"],
    "prompts": "",  # one a line
    "subject": "",  # empty: the activation tag
    "negative": "",
    "seeds": [1],
    "cfg": [7.0],
    "steps": 20,
    "more_steps": [],  # these too, to compare with
    "sampler": "Euler a",
    "more_samplers": [],
    "schedule": AUTOMATIC,
    "clip_skip": [],  # none: the training's
    "width": 0,  # 0: the training's resolution
    "height": 0,
    "checkpoints": [],  # besides the one that was trained on
    "rows": "",
    "columns": "",
    "base": True,
    "tagger": "",  # for numbers beside the pictures
    "prior_count": 8,
    "prior_prompt": "",  # empty: the activation tag
}
_CHOICES: dict[str, tuple[str, ...]] = {"sampler": SAMPLERS, "schedule": SCHEDULES, "rows": ("", *AXES), "columns": ("", *AXES)}
_LIMITS: dict[str, tuple[float, float]] = {
    "strength": (-5, 5),
    "te": (-5, 5),
    "unet": (-5, 5),
    "x": (-10, 10),
    "seeds": (0, 2**53),  # what a browser's numbers hold
    "cfg": (1, 50),
    "steps": (1, 500),
    "more_steps": (1, 500),
    "clip_skip": (1, 12),
    "width": (0, 4096),
    "height": (0, 4096),
    "prior_count": (1, 64),
}
_WHOLE = ("seeds", "steps", "more_steps", "clip_skip", "width", "height", "prior_count")
_BLOCKS = re.compile(r"[\w.,:+-]{1,400}")
_LORA = re.compile(r"<(?:lora|lyco):([^:>]*)", re.IGNORECASE)
_PATHS = {"loras": "The LoRA", "checkpoints": "The checkpoint"}


def checked_test_options(asked: Any, rights: Rights) -> dict[str, Any]:
    """The asked options with plain values and allowed paths; Refused with one sentence."""
    if not isinstance(asked, Mapping):
        raise Refused("The options of a test must be names and values.")
    return {name: _checked(name, value, rights) for name, value in asked.items()}


def _checked(name: Any, value: Any, rights: Rights) -> Any:
    if name not in TEST_DEFAULTS:
        raise Refused(f"A test has no option {shown(name)}.")
    default = TEST_DEFAULTS[name]
    if value is None:
        return default
    if name in _CHOICES:
        if value not in _CHOICES[name]:
            raise Refused(f"{name} must be one of {', '.join(_CHOICES[name])}, not {shown(value)}.")
        return value
    if isinstance(default, list):
        most = _MOST_FILES if name == "snapshots" else _MOST
        if not isinstance(value, list) or len(value) > most:
            raise Refused(f"{name} must be a list of at most {most} values.")
        return [_single(name, one, rights) for one in value]
    return _single(name, value, rights)


def _single(name: str, value: Any, rights: Rights) -> Any:
    """One value of the option."""
    if name in _LIMITS:
        return _number(name, value)
    if isinstance(TEST_DEFAULTS[name], bool):
        if not isinstance(value, bool):
            raise Refused(f"{name} can't be {shown(value)}.")
        return value
    if not isinstance(value, str) or len(value) > _LONGEST or "\0" in value:
        raise Refused(f"{name} can't be {shown(value)}.")
    if name == "tagger":
        return allowed_tagger(value, rights)
    if name in _PATHS:
        return str(rights.may_read(value, _PATHS[name])) if value else ""
    if name in ("snapshots", "suites"):
        return file_name(value, name)
    if name == "lbw" and not _BLOCKS.fullmatch(value):
        raise Refused(f"{shown(value)} is no block weight: give a preset's name, or numbers with commas between them.")
    if name == "more_samplers" and value not in SAMPLERS:
        raise Refused(f"{name} must be one of {', '.join(SAMPLERS)}, not {shown(value)}.")
    if name == "together":
        return checked_prompts(value)
    return value


def checked_prompts(text: str) -> str:
    """The prompts, where the LoRAs that they name are names: a path in one would lead out of the LoRA folder."""
    for name in _LORA.findall(text):
        file_name(name, "A LoRA in a prompt")
    return text


def _number(name: str, value: Any) -> int | float:
    low, high = _LIMITS[name]
    whole = name in _WHOLE
    plain = isinstance(value, int if whole else (int, float)) and not isinstance(value, bool)
    if not plain or not low <= value <= high:  # nor is NaN within any limits
        raise Refused(f"{name} must be a {'whole ' if whole else ''}number from {low:g} to {high:g}, not {shown(value)}.")
    return value if whole else float(value)


def grid_options(options: Mapping[str, Any], files: list[Path], chosen: list[Path], out: Path) -> dict[str, Any]:
    """The options as `python -m trainer_core grid` names them. `files`: all of the run; `chosen`: those of them to be drawn."""
    if not chosen and not options["loras"]:
        raise Refused("There is no LoRA to look at: choose a run, or a file.")
    asked: dict[str, Any] = {"out": str(out)}
    if chosen:
        asked["runs"] = [str(files[-1])]
        if len(chosen) < len(files):
            asked["epochs"] = [path.stem for path in chosen]
    asked["loras"] = options["loras"]
    asked |= {"lbw": options["lbw"], "x": options["x"]}
    asked["together"] = ["", *options["together"]] if options["together"] else []  # alone first, to compare with
    asked |= {name: options[name] for name in (("te", "unet") if options["parts"] else ("strength",))}
    asked |= {name: options[name] for name in ("seeds", "cfg", "schedule", "negative")}
    asked |= {"steps": [options["steps"], *options["more_steps"]], "sampler": [options["sampler"], *options["more_samplers"]]}
    asked["clip_skip"] = options["clip_skip"] or None
    asked |= {name: options[name] or None for name in ("width", "height", "rows", "columns", "tagger")}
    asked["no_base"] = not options["base"]
    crossed = options["parts"] and min(len(set(options["te"])), len(set(options["unet"]))) > 1
    if crossed and not options["rows"] and not options["columns"]:
        asked |= {"rows": "te", "columns": "unet"}  # one against the other, a grid for each prompt
    return asked
