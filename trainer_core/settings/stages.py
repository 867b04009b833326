"""Stages: parts of a run that differ from each other. Written as [[stages]] tables, or as words of --stages.

A stage has the run's settings but for those that it names itself, and a length of its own.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..problems import Problem
from .convert import ValueProblem, convert, nearest, stage_words
from .dataset_tree import DATASET_FLAGS, SUBSET_FLAGS
from .optimizer import SCHEDULE as _SCHEDULE_SETTINGS
from .tables import ALL

NAME = "stages"
LENGTH = ("max_train_epochs", "max_train_steps")
RATES = ("learning_rate", "unet_lr", "text_encoder_lr")
SCHEDULE = tuple(setting.name for setting in _SCHEDULE_SETTINGS)
OPTIMIZER = ("optimizer_type", "optimizer_args", "max_grad_norm", "gradient_accumulation_steps")
_FOLDERS = ("train_data_dir", "reg_data_dir", "dataset_config")
PICTURES = (*_FOLDERS, *DATASET_FLAGS.values(), *SUBSET_FLAGS.values())
LOSS = ("min_snr_gamma", "noise_offset", "min_timestep", "max_timestep", "prior_loss_weight")
# All that a stage can name, in the order of forms.
STAGE_SETTINGS: tuple[str, ...] = (*LENGTH, *RATES, *SCHEDULE, *OPTIMIZER, *PICTURES, *LOSS)

# Where a stage names one of the first, the run's values of the second don't count in it: they were made for another one.
_BOUND: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...] = (
    (("learning_rate",), ("unet_lr", "text_encoder_lr")),
    (("lr_scheduler",), ("lr_scheduler_type", "lr_scheduler_args")),
    (("lr_scheduler_type",), ("lr_scheduler_args",)),
    (("optimizer_type",), ("optimizer_args", "use_8bit_adam", "use_lion_optimizer")),
    (("train_data_dir", "reg_data_dir"), ("dataset_config",)),
    (("dataset_config",), ("train_data_dir", "reg_data_dir")),
)


def plain_stages(stages: Sequence[Mapping[str, Any]]) -> tuple[tuple[dict[str, Any], ...], list[Problem]]:
    """The stages with checked values as JSON has them, and what is wrong with them, each a sentence."""
    found: list[Problem] = []
    return tuple(_plain(stage, f"stage {number}", found) for number, stage in enumerate(stages, 1)), found


def _plain(stage: Mapping[str, Any], where: str, found: list[Problem]) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for raw_name, raw in stage.items():
        name = raw_name.replace("-", "_")
        if name not in ALL:
            guess = nearest(name, STAGE_SETTINGS)
            message = f"{where}: {raw_name} is not a setting."
            if guess:
                message = f"{where}: {raw_name} is not a setting; did you mean {guess}?"
            found.append(_error("unknown-setting", message))
        elif name not in STAGE_SETTINGS:
            message = f"{where}: {name} is the same in all stages of a run; give it beside them, or train in two runs."
            found.append(_error("stage-setting", message))
        else:
            try:
                value = convert(ALL[name], raw)
            except ValueProblem as wrong:
                end = "" if str(wrong).endswith("?") else "."
                found.append(_error("bad-value", f"{where}: {name} {wrong}{end}"))
            else:
                if value is not None:
                    result[name] = _json_value(value)
    if not any(name in result for name in LENGTH) and not any(one.message.startswith(f"{where}:") for one in found):
        message = f"{where} has no length of its own; give it max_train_epochs or max_train_steps."
        found.append(_error("stage-length", message))
    return result


def merged(given: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Each stage's settings as a run of that stage alone would be given them; `given`: the run's, with its stages.

    A run's warm-up is its beginning's: later stages have one only where they name it.
    """
    result = []
    for number, stage in enumerate(given[NAME]):
        own = {name: value for name, value in given.items() if name not in (NAME, *LENGTH)}
        for names, bound in _BOUND:
            if any(name in stage for name in names):
                own = {name: value for name, value in own.items() if name not in bound}
        if number:
            own.pop("lr_warmup_steps", None)
        result.append({**own, **stage})
    return result


def length_notes(given: Mapping[str, Any]) -> list[Problem]:
    """A note where a length of the whole run is given beside its stages'."""
    return [
        Problem("note", "setting-replaced", f"{name} is not taken: each stage has a length of its own.")
        for name in LENGTH
        if given.get(name) not in (None, ALL[name].default)
    ]


def stage_word(stage: Mapping[str, Any]) -> str:
    """A stage as one word of --stages: name=value pairs, or JSON where these would not be read back as they are."""
    word = " ".join(f"{name}={shlex.quote(_text(name, value))}" for name, value in stage.items())
    try:
        same = plain_stages([stage_words(word)])[0] == (dict(stage),)
    except ValueProblem:
        same = False
    return word if same else json.dumps(stage, ensure_ascii=False)


def _text(name: str, value: Any) -> str:
    if isinstance(value, list):
        return (" " if ALL[name].kind == "strings" else ",").join(map(str, value))
    return str(value).lower() if isinstance(value, bool) else str(value)


def _json_value(value: Any) -> Any:
    if isinstance(value, Path):
        return str(value)
    return list(value) if isinstance(value, tuple) else value


def _error(code: str, message: str) -> Problem:
    return Problem("error", code, message)
