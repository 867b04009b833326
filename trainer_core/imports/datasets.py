"""Folders with options of their own: as flags where one folder says all, else as a dataset file in kohya's TOML."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..settings.dataset_tree import DATASET_FLAGS, SUBSET_FLAGS
from .result import Imported

_NOT_FLAGS = ("is_reg", "class_tokens", "image_dir", "metadata_file")


def take_folders(general: Mapping[str, Any], subsets: Sequence[Mapping[str, Any]], found: Imported) -> None:
    """`general`: options of all folders; `subsets`: the folders, each with image_dir and its own options."""
    known = {**SUBSET_FLAGS, **DATASET_FLAGS}
    if shared := general.get("class_tokens"):
        subsets = [{"class_tokens": shared, **one} for one in subsets]
    general = {name: value for name, value in general.items() if name != "class_tokens"}
    options = _known(general, known, "", found)
    folders = [
        _known(one, {**SUBSET_FLAGS, **dict.fromkeys(_NOT_FLAGS, "")}, f" of folder {n}", found)
        for n, one in enumerate(subsets, 1)
    ]
    for number, folder in enumerate(folders, 1):
        if not _place(folder):
            found.leave(f"folder {number}", "", "has no image_dir, the folder with the pictures")
    folders = [one for one in folders if _place(one)]
    if _fit_flags(folders):
        folders.sort(key=lambda one: bool(one.get("is_reg")))
        found.take("train_data_dir", folders[0].get("image_dir"), "image_dir")
        found.take("in_json", folders[0].get("metadata_file"), "metadata_file")
        if len(folders) == 2:
            found.take("reg_data_dir", folders[1]["image_dir"], "image_dir")
        for name, value in {**options, **folders[0]}.items():
            if name not in _NOT_FLAGS:
                found.take(known[name], value, name)
        return
    if not folders:
        for name, value in options.items():
            found.take(known[name], value, name)
        return
    found.datasets = {"general": {}, "datasets": [{**options, "subsets": folders}]}


def _place(folder: Mapping[str, Any]) -> Any:
    """Where a folder's pictures are: itself, or the file that names them."""
    return folder.get("image_dir") or folder.get("metadata_file")


def _fit_flags(folders: Sequence[Mapping[str, Any]]) -> bool:
    """Whether flags say the same: one folder to train, and at most one of regularization pictures with the same options.

    How often a single regularization folder is repeated doesn't matter: it is seen as often as the training pictures.
    """
    own = [{name: one[name] for name in one if name not in ("image_dir", "is_reg", "num_repeats")} for one in folders]
    trained = [one for one in folders if not one.get("is_reg")]
    alike = len(trained) == 1 and len(folders) < 3 and all(one == own[0] for one in own)
    return alike and not any(one.get("class_tokens") for one in folders)


def _known(options: Mapping[str, Any], known: Mapping[str, str], where: str, found: Imported) -> dict[str, Any]:
    kept = {}
    for name, value in options.items():
        if name in known:
            kept[name] = value
        elif value not in (None, "", False):
            found.leave(name + where, value, "has no equivalent here")
    return kept
