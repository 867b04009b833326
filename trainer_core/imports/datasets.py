"""Folders with options of their own: as flags where one folder says all, else as a dataset file in kohya's TOML."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..settings.dataset_tree import DATASET_FLAGS, SUBSET_FLAGS
from .result import Imported

_NOT_FLAGS = ("is_reg", "class_tokens", "image_dir")


def take_folders(general: Mapping[str, Any], subsets: Sequence[Mapping[str, Any]], found: Imported) -> None:
    """`general`: options of all folders; `subsets`: the folders, each with image_dir and its own options."""
    known = {**SUBSET_FLAGS, **DATASET_FLAGS}
    options = _known(general, known, "", found)
    folders = [
        _known(one, {**SUBSET_FLAGS, **dict.fromkeys(_NOT_FLAGS, "")}, f" of folder {n}", found)
        for n, one in enumerate(subsets, 1)
    ]
    for number, folder in enumerate(folders, 1):
        if not folder.get("image_dir"):
            found.leave(f"folder {number}", "", "has no image_dir, the folder with the pictures")
    folders = [one for one in folders if one.get("image_dir")]
    if len(folders) == 1 and not folders[0].get("is_reg") and not folders[0].get("class_tokens"):
        found.take("train_data_dir", folders[0]["image_dir"], "image_dir")
        for name, value in {**options, **folders[0]}.items():
            if name not in _NOT_FLAGS:
                found.take(known[name], value, name)
        return
    if not folders:
        for name, value in options.items():
            found.take(known[name], value, name)
        return
    found.datasets = {"general": {}, "datasets": [{**options, "subsets": folders}]}


def _known(options: Mapping[str, Any], known: Mapping[str, str], where: str, found: Imported) -> dict[str, Any]:
    kept = {}
    for name, value in options.items():
        if name in known:
            kept[name] = value
        elif value not in (None, "", False):
            found.leave(name + where, value, "has no equivalent here")
    return kept
