"""What kohya_ss' window writes into files beside sd-scripts' settings: names that steer only itself, and its own JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..problems import Problem
from .checks import note, problem

# Names in the TOML that the window writes for a run; sd-scripts reads none of them for a LoRA.
OWN_NAMES: dict[str, str] = {
    "epoch": "max_train_steps and max_train_epochs say how long the run is",
    "noise_offset_type": "noise_offset and multires_noise_iterations say which noise is added",
    **dict.fromkeys(
        ("stop_text_encoder_training", "stop_text_encoder_training_pct"), "sd-scripts doesn't do it for a LoRA either"
    ),
}
# Of these, two together are found in nothing but the window's JSON.
_SIGNS = (
    "LoRA_type",
    "max_resolution",
    "optimizer",
    "epoch",
    "model_list",
    "additional_parameters",
    "num_cpu_threads_per_process",
)


def is_window_json(content: Mapping[str, Any]) -> bool:
    """Whether the names are those of the JSON that the window saves."""
    return sum(name in content for name in _SIGNS) > 1


def without_own_names(values: Mapping[str, Any], file: str) -> tuple[dict[str, Any], list[Problem]]:
    """The settings among the values of a config_file, and a note for each name that is the window's own."""
    told = [
        note("window-setting", f"{name} in {file} is passed over: {OWN_NAMES[name]}.")
        for name, value in values.items()
        if name in OWN_NAMES and value not in (None, "", False, 0)
    ]
    return {name: value for name, value in values.items() if name not in OWN_NAMES}, told


def tool_of(content: Mapping[str, Any], file: str) -> str:
    """Whose settings a file holds, by its names; empty where they may be sd-scripts' or ours. `file`: its name."""
    if is_window_json(content):
        return "kohya_ss' window"
    if file.lower().endswith((".yaml", ".yml")) or {"job", "process"} <= content.keys():
        return "ai-toolkit"
    return "OneTrainer" if {"training_method", "model_type"} <= content.keys() else ""


def is_to_be_imported(file: str, tool: str) -> Problem:
    """What to do with another tool's settings that were given as config_file."""
    return problem(
        "bad-file",
        f"config_file {file} has the settings of {tool}; `python -m trainer_core import` makes a settings file of it.",
    )
