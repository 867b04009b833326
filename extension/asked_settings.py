"""Settings as a page asks for them: known names, plain values, allowed paths, and what the server adds to them."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from ..trainer_core.settings import ALL, Settings
from ..trainer_core.settings.stages import NAME as STAGES
from ..trainer_core.settings.stages import STAGE_SETTINGS
from .errors import FORBIDDEN, Refused
from .rights import Rights, file_name, shown

# The server decides on these, or they belong to the command line.
NOT_ASKED = frozenset(("config_file", "output_config", "data_dir", "job_dir", "preset"))
_WRITTEN = frozenset(("output_dir", "logging_dir"))
_FOLDERS = _WRITTEN | {"reg_data_dir", "dataset_config", "in_json", "conditioning_data_dir"}
HIDDEN = "Folders can't be chosen here: this webui was started with --hide-ui-dir-config."
_LONGEST_TEXT, _MOST_WORDS, _MOST_STAGES = 10_000, 200, 20
_ARGUMENT = re.compile(r"[A-Za-z_]\w*=[\w.,+\-()\[\] :%/]*")
_EXTENSION = re.compile(r"\.?[A-Za-z0-9_-]{1,16}")
AUTO = "auto"  # in a state's place: the newest of the output name
# Captions are written beside pictures: only where no program would take them for its own.
CAPTION_EXTENSIONS = (".txt", ".caption", ".tags", ".cap")


def checked_settings(asked: Any, rights: Rights, own: Collection[str] = ()) -> dict[str, Any]:
    """The asked settings with paths that are allowed; Refused with one sentence for what may not be asked at all.

    `own`: folders that the server chose for the project, and the page names again.
    """
    if not isinstance(asked, Mapping):
        raise Refused("settings must be names and values.")
    checked = {}
    for name, value in asked.items():
        if not isinstance(name, str) or name not in ALL or name in NOT_ASKED:
            raise Refused(f"{shown(name)} is not a setting that can be given here.")
        if value is not None and value != "":
            checked[name] = _checked(name, value, rights, own)
    return checked


def _checked(name: str, value: Any, rights: Rights, own: Collection[str]) -> Any:
    if name == STAGES:
        return _checked_stages(value, rights, own)
    _check_size(name, value)
    kind = ALL[name].kind
    if name == "reg_data_dir" and isinstance(value, str) and value in own:
        return value
    if rights.hide_folders and name in _FOLDERS:
        raise Refused(HIDDEN, FORBIDDEN)
    if name == "resume" and value == AUTO:
        return value
    if kind == "path":
        path = rights.may_write(value, name) if name in _WRITTEN else rights.may_read(value, name)
        if name in ("dataset_config", "in_json") and rights.restricted:  # they name folders and pictures of their own
            raise Refused(f"{name} can't be used while others can reach this webui: give train_data_dir.", FORBIDDEN)
        return str(path)
    if name in ("caption_extension", "caption_extention") and not (isinstance(value, str) and _EXTENSION.fullmatch(value)):
        raise Refused(f"{name} must be an extension such as .txt, not {shown(value)}.")
    if kind == "strings" and not all(
        _ARGUMENT.fullmatch(str(word)) for word in (value.split() if isinstance(value, str) else value)
    ):
        raise Refused(f"{name} must be words such as weight_decay=0.01, not {shown(value)}.")
    if name in ("output_name", "log_prefix"):
        return file_name(value, name)
    if name == "metadata_thumbnail" and not str(value).startswith("data:"):
        return str(rights.may_read(value, name))
    return value


def _checked_stages(value: Any, rights: Rights, own: Collection[str]) -> list[dict[str, Any]]:
    """What each stage asks for, under the rules of a run's settings."""
    if not isinstance(value, list) or len(value) > _MOST_STAGES or not all(isinstance(one, Mapping) for one in value):
        raise Refused(f"stages must be a list of at most {_MOST_STAGES} stages, each names and values.")
    for name in (name for stage in value for name in stage):
        if name not in STAGE_SETTINGS:
            raise Refused(f"{shown(name)} is not a setting that a stage can change.")
    return [checked_settings(stage, rights, own) for stage in value]


def _check_size(name: str, value: Any) -> None:
    if isinstance(value, str) and len(value) > _LONGEST_TEXT:
        raise Refused(f"{name} is too long: {_LONGEST_TEXT:,} letters are enough.")
    if isinstance(value, list):
        if len(value) > _MOST_WORDS or any(isinstance(word, (list, dict)) or len(str(word)) > _LONGEST_TEXT for word in value):
            raise Refused(f"{name} holds too much.")
    elif ALL[name].kind == "strings" and not isinstance(value, str):
        raise Refused(f"{name} must be a list of words.")
    elif not isinstance(value, (str, int, float, bool)):
        raise Refused(f"{name} must be a plain value.")
    elif isinstance(value, int) and abs(value) >= 2**63:
        raise Refused(f"{name} is too large a number.")


def as_asked(name: str, value: Any) -> Any:
    """A setting's value of the trainer's as a page gives and compares it; None for what is off or as usual."""
    setting = ALL[name]
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, (tuple, list)):
        if setting.kind == "size":
            return str(value[0]) if value[0] == value[-1] else f"{value[0]},{value[-1]}"
        if setting.kind == "range":
            return ",".join(map(repr, value))
        return value[0] if setting.kind == "floats" and len(value) == 1 else list(value) or None
    if setting.kind == "size" and value is not None:
        return str(value)
    return None if value is False and not setting.default else value


def run_settings(asked: Mapping[str, Any], runs: Path, data: Path, prompts: Path | None = None) -> dict[str, Any]:
    """What the run gets: an output folder of its own, states to go on from, caches in the data folder.

    `runs`: the project's folder for finished runs; `prompts`: the project's file of sample prompts.
    """
    settings = dict(asked)
    name = str(settings.get("output_name") or "last")
    settings.setdefault("output_dir", str(runs / name))
    settings.setdefault("save_state", True)
    settings.setdefault("save_last_n_epochs_state", 1)
    if settings.get("save_every_n_steps"):
        settings.setdefault("save_last_n_steps_state", settings["save_every_n_steps"])
    settings["data_dir"] = str(data)
    if prompts is not None:
        settings.setdefault("sample_prompts", str(prompts))
    return settings


def check_values(settings: Mapping[str, Any]) -> Settings:
    """The settings as the trainer reads them; SettingsError with every problem."""
    return Settings.from_dict(settings)
