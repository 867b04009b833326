"""Reads --dataset_config: kohya's TOML schema of general options, datasets and subsets (one file, three levels)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..problems import Problem, WordsError
from .convert import ValueProblem, convert, nearest
from .declaration import Setting
from .tables import ALL
from .toml_files import read_toml

# Option in the file → the flag that stands in where the file says nothing.
DATASET_FLAGS = {
    "batch_size": "train_batch_size",
    **{
        name: name
        for name in (
            "resolution",
            "enable_bucket",
            "min_bucket_reso",
            "max_bucket_reso",
            "bucket_reso_steps",
            "bucket_no_upscale",
            "resize_interpolation",
            "validation_split",
            "validation_seed",
        )
    },
}
SUBSET_FLAGS = {
    "num_repeats": "dataset_repeats",
    **{
        name: name
        for name in (
            "shuffle_caption",
            "keep_tokens",
            "keep_tokens_separator",
            "caption_separator",
            "secondary_separator",
            "enable_wildcard",
            "caption_prefix",
            "caption_suffix",
            "color_aug",
            "flip_aug",
            "random_crop",
            "face_crop_aug_range",
            "token_warmup_min",
            "token_warmup_step",
            "caption_dropout_rate",
            "caption_dropout_every_n_epochs",
            "caption_tag_dropout_rate",
            "caption_extension",
            "ignore_captions",
            "alpha_mask",
            "conditioning_data_dir",
        )
    },
}
_SUBSET_OWN = {
    setting.name: setting
    for setting in (
        Setting("image_dir", "path", None, "Folder with the pictures."),
        Setting("is_reg", "flag", False, "Whether they are regularization pictures."),
        Setting("metadata_file", "path", None, "JSON file that names the pictures and holds their captions."),
        Setting("class_tokens", "str", None, "Caption of pictures that have none."),
    )
}
_AT_ONE_FOLDER = tuple(name for name in _SUBSET_OWN if name != "class_tokens")  # those that no outer level gives
_DATASET = {name: replace(ALL[flag], name=name) for name, flag in DATASET_FLAGS.items()}
_SUBSET = {**{name: replace(ALL[flag], name=name) for name, flag in SUBSET_FLAGS.items()}, **_SUBSET_OWN}
_IGNORED = {
    "cache_info": "sizes are always remembered, in the data folder",
    "network_multiplier": "the LoRA always trains at its full strength",
    "custom_attributes": "nothing here uses them",
}
_ALIASES = {"caption_extention": "caption_extension"}


def read_dataset_config(path: Path) -> tuple[dict[str, Any] | None, list[Problem]]:
    """The checked tree {"general": {}, "datasets": [{…, "subsets": [{…}]}]} with converted values, and all problems.

    The tree is None where the file can't be read at all.
    """
    try:
        content = read_toml(path, "dataset_config")
    except WordsError as error:
        return None, [Problem("error", "bad-file", str(error))]
    found: list[Problem] = []
    name = path.name
    for key in content:
        if key not in ("general", "datasets"):
            found.append(_error(name, f"[{key}] is unknown; there are [general] and [[datasets]]"))
    general = _level(content.get("general", {}), {**_SUBSET, **_DATASET}, f"{name}: [general]", found)
    for key in _AT_ONE_FOLDER:
        if general.pop(key, None) is not None:
            found.append(_error(f"{name}: [general]", f"{key} belongs to a subset"))
    datasets = _tables(content.get("datasets", []), f"{name}: datasets", found)
    if not datasets:
        found.append(_error(name, "there is no [[datasets]]"))
    tree: dict[str, Any] = {"general": general, "datasets": []}
    for number, table in enumerate(datasets, 1):
        tree["datasets"].append(_dataset(table, f"{name}: dataset {number}", found))
    return tree, found


def tree_options(tree: Mapping[str, Any], flags: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Every option of every dataset and subset: inner level over outer level over `flags` (all settings by name)."""
    result = []
    general = tree["general"]
    for dataset in tree["datasets"]:
        outer = {**general, **dataset}
        options = {name: outer.get(name, flags[flag]) for name, flag in DATASET_FLAGS.items()}
        subsets = []
        for subset in dataset["subsets"]:
            inner = {**outer, **subset}
            chosen = {name: inner.get(name, flags[flag]) for name, flag in SUBSET_FLAGS.items()}
            chosen |= {name: inner.get(name, setting.default) for name, setting in _SUBSET_OWN.items()}
            chosen["resize_interpolation"] = inner.get("resize_interpolation", flags["resize_interpolation"])
            subsets.append(chosen)
        result.append({**options, "subsets": subsets})
    return result


def _dataset(table: Mapping[str, Any], where: str, found: list[Problem]) -> dict[str, Any]:
    own = {key: value for key, value in table.items() if key != "subsets"}
    allowed = {**{key: value for key, value in _SUBSET.items() if key not in _AT_ONE_FOLDER}, **_DATASET}
    options = _level(own, allowed, where, found)
    subsets = _tables(table.get("subsets", []), f"{where}: subsets", found)
    if not subsets:
        found.append(_error(where, "there is no [[datasets.subsets]]"))
    options["subsets"] = []
    for number, subset in enumerate(subsets, 1):
        here = f"{where}, subset {number}"
        chosen = _level(subset, {**_SUBSET, "resize_interpolation": _DATASET["resize_interpolation"]}, here, found)
        if chosen.get("is_reg") and chosen.get("metadata_file"):
            found.append(_error(here, "metadata_file is for pictures to train, not for regularization pictures"))
        if "image_dir" not in chosen and "metadata_file" not in chosen:
            found.append(_error(here, "image_dir is missing: the folder with the pictures"))
        options["subsets"].append(chosen)
    return options


def _level(table: Any, allowed: Mapping[str, Setting], where: str, found: list[Problem]) -> dict[str, Any]:
    if not isinstance(table, dict):
        found.append(_error(where, "must be a table of options"))
        return {}
    result: dict[str, Any] = {}
    for raw_key, value in table.items():
        key = _ALIASES.get(raw_key.replace("-", "_"), raw_key.replace("-", "_"))
        if key in _IGNORED:
            found.append(Problem("note", "setting-ignored", f"{where}: {key} is ignored: {_IGNORED[key]}."))
        elif key not in allowed:
            found.append(_unknown(raw_key, key, allowed, where))
        else:
            try:
                result[key] = convert(allowed[key], value)
                if key == "caption_extension" and result[key] and not result[key].startswith("."):
                    result[key] = f".{result[key]}"
            except ValueProblem as wrong:
                found.append(_error(where, f"{key} {wrong}", "bad-value"))
    return result


def _unknown(raw_key: str, key: str, allowed: Mapping[str, Setting], where: str) -> Problem:
    if key in _DATASET or key in _SUBSET:
        level = "a dataset" if key in _DATASET else "a subset"
        return _error(where, f"{raw_key} belongs to {level}", "unknown-setting")
    if key in ALL:
        return _error(where, f"{raw_key} is given on the command line or in config_file", "unknown-setting")
    guess = nearest(key, tuple(allowed))
    return _error(where, f"{raw_key} is not an option" + (f"; did you mean {guess}?" if guess else ""), "unknown-setting")


def _tables(value: Any, where: str, found: list[Problem]) -> list[Mapping[str, Any]]:
    if isinstance(value, list) and all(isinstance(one, dict) for one in value):
        return value
    found.append(_error(where, "must be written as [[…]] tables"))
    return []


def _error(where: str, message: str, code: str = "bad-dataset-config") -> Problem:
    return Problem("error", code, f"{where}: {message}" + ("" if message.endswith("?") else "."))
