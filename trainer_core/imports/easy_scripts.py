"""The TOML of LoRA_Easy_Training_Scripts: sections with `args` and `dataset_args`, and [[subsets]].

As that tool does, what is empty, 0 or false counts as not given.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..problems import WordsError
from ..settings import ALL
from .datasets import take_folders
from .result import Imported

_SECTIONS = ("args", "dataset_args")
# What only steers that tool's window, or says what is read from the model file here.
_OF_THE_WINDOW = frozenset((
    "sdxl", "tag_occurrence", "tag_file_location", "save_toml", "save_toml_location", "easy_name",
    "skip_network_args_warning", "skip_optimizer_args_warning", "skip_extra_args_warning",
))  # fmt: skip
_NAME_HERE = "${replace}"  # stands for easy_name in names and paths


def is_easy(content: Mapping[str, Any]) -> bool:
    """Whether the TOML is that tool's: sections with args, or subsets at the top."""
    sections = [value for name, value in content.items() if isinstance(value, Mapping) and name.endswith("_args")]
    return "subsets" in content or any(set(_SECTIONS) & set(one) for one in sections)


def import_easy(content: Mapping[str, Any]) -> Imported:
    found = Imported("settings of LoRA_Easy_Training_Scripts")
    mode = content.get("train_mode")
    mode = str(mode.get("train_mode", "")) if isinstance(mode, Mapping) else ""
    if mode and mode.lower() not in ("lora", "network"):
        raise WordsError(f"These settings train with the mode {mode}; only LoRAs are trained here.")
    if content.get("flux_args"):
        raise WordsError("These settings train a Flux model; LoRAs of SD 1.x, SD 2.x and SDXL are trained here.")
    args: dict[str, Any] = {}
    general: dict[str, Any] = {}
    for name, section in content.items():
        if isinstance(section, Mapping):
            args |= _table(section.get("args"))
            general |= _table(section.get("dataset_args"))
        elif name != "subsets":
            args[name] = section
    easy_name = str(args.get("easy_name") or "")
    for name, value in args.items():
        value = value.replace(_NAME_HERE, easy_name) if isinstance(value, str) else value
        if name not in _OF_THE_WINDOW and value not in (None, "", False, 0, [], {}):
            _take(name, value, found)
    subsets = content.get("subsets")
    folders = [_given(one) for one in subsets if isinstance(one, Mapping)] if isinstance(subsets, list) else []
    take_folders(_given(general), folders, found)
    return found


def _take(name: str, value: Any, found: Imported) -> None:
    if name == "network_args" and isinstance(value, Mapping):
        if "algo" in value:
            found.take("network_module", "lycoris.kohya")
        elif "unit" in value:
            found.take("network_module", "networks.dylora")
        found.take(name, [f"{key}={_argument(one)}" for key, one in value.items() if one not in (None, "")])
    elif name in ("optimizer_args", "lr_scheduler_args") and isinstance(value, Mapping):
        found.take(name, [f"{key}={_argument(one)}" for key, one in value.items()])
    elif name == "warmup_ratio":
        found.take("lr_warmup_steps", value, "warmup_ratio")
    elif name == "fa":
        found.leave("fa", "", "LoRA-FA is not built here: both halves are trained")
    else:
        found.take(name if name in ALL else name.replace("-", "_"), value, name)


def _argument(value: Any) -> str:
    """A value as name=value words have it: booleans as Python's, lists with commas."""
    if isinstance(value, (list, tuple)):
        return ",".join(_argument(one) for one in value)
    text = str(value)
    return text.capitalize() if text in ("true", "false") else text


def _table(value: Any) -> dict[str, Any]:
    return dict(value) if isinstance(value, Mapping) else {}


def _given(options: Mapping[str, Any]) -> dict[str, Any]:
    """A folder's options without the name that the window shows, and without what is not given."""
    return {name: value for name, value in options.items() if name != "name" and value not in (None, "", False, 0, [])}
