"""Folders given one level too high, names without a number of repeats, and pictures where none are looked for."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from ..dataset.folders import repeats_and_name
from ..dataset.items import TrainingSet
from ..dataset.pictures import OTHER_EXTENSIONS
from ..dataset.scan_report import count_of, names
from ..picture_names import is_picture
from ..problems import Problem
from ..settings import Settings

REG_NAMES = ("reg", "regs", "regularization", "regularisation", "reg_images")


@dataclass(frozen=True)
class Level:
    """What lies in a folder: pictures, and folders with and without a number of repeats (but those for regularization)."""

    pictures: tuple[Path, ...]
    numbered: tuple[Path, ...]
    others: tuple[Path, ...]


def level(folder: Path) -> Level:
    """An empty one where the folder can't be read: the scan tells of that."""
    pictures, numbered, others = [], [], []
    try:
        with os.scandir(folder) as scan:
            for entry in sorted(scan, key=lambda one: one.name):
                if entry.name.startswith("."):
                    continue
                if entry.is_dir():
                    if repeats_and_name(entry.name) is not None:
                        numbered.append(folder / entry.name)
                    elif entry.name.lower() not in REG_NAMES:
                        others.append(folder / entry.name)
                elif is_picture(entry.name):
                    pictures.append(folder / entry.name)
    except OSError:
        return Level((), (), ())
    return Level(tuple(pictures), tuple(numbered), tuple(others))


def folder_problems(settings: Settings, training_set: TrainingSet) -> list[Problem]:
    return [*_level_problems(settings), *_format_problems(training_set), *_case_problems(training_set)]


def _level_problems(settings: Settings) -> list[Problem]:
    root = settings.train_data_dir and settings.train_data_dir.expanduser()
    if root is None or not root.is_dir():
        return []
    here = level(root)
    inner = level_below(here)
    if inner:
        message = f"{root} holds no pictures, and {inner.name} in it has the numbered folders: it is given one level too high."
        return [Problem("error", "folder-level", message, f"Set train_data_dir to {inner}.")]
    without = [path for path in here.others if level(path).pictures]
    if without and here.pictures and not here.numbered:
        message = f"Only the pictures in {root} itself are trained, not those in folders inside it: {names(without)}."
        return [Problem("warning", "folder-nested", message, "Put all pictures into numbered folders, such as 1_name.")]
    found = []
    if without:
        which = names(without)
        message = (
            f"{count_of(without, 'folder')} without a number of repeats in the name, whose pictures are not trained: {which}."
        )
        found.append(Problem("warning", "folder-unnumbered", message, f"Rename, for instance to 1_{without[0].name}."))
    if here.pictures and here.numbered:
        message = f"{count_of(here.pictures, 'picture')} beside the numbered folders, not trained: {names(here.pictures)}."
        found.append(Problem("warning", "pictures-beside", message, "Move them into one of the folders."))
    return found


def level_below(here: Level) -> Path | None:
    """The one folder that has numbered folders with pictures, where there are neither pictures nor such folders above it."""
    if here.numbered or here.pictures:
        return None
    found = [path for path in here.others if any(level(inner).pictures for inner in level(path).numbered)]
    return found[0] if len(found) == 1 else None


def unnumbered_folders(root: Path) -> list[Path]:
    """Folders of pictures that only lack a number; none where `root` is itself a plain folder of pictures."""
    here = level(root)
    if here.pictures and not here.numbered:
        return []
    return [path for path in here.others if level(path).pictures]


def _format_problems(training_set: TrainingSet) -> list[Problem]:
    other = [one.path for one in training_set.ignored if one.path.suffix.lower() in OTHER_EXTENSIONS]
    if not other:
        return []
    message = f"{count_of(other, 'picture')} in formats that are not trained: {names(other)}."
    return [Problem("warning", "formats-untrained", message, "Save them as .png.")]


def _case_problems(training_set: TrainingSet) -> list[Problem]:
    """The guide (l. 722) warns of these; here they are trained like the rest, and kohya's scripts still pass over some."""
    mixed = [item.path for item in training_set.items if _is_mixed(item.path.suffix)]
    if not mixed:
        return []
    message = (
        f"{count_of(mixed, 'picture')} with an extension that kohya's scripts on Linux pass over, trained here: {names(mixed)}."
    )
    return [Problem("note", "extension-case", message, "Write the extension in small letters to train them there too.")]


def _is_mixed(suffix: str) -> bool:
    return suffix not in (suffix.lower(), suffix.upper())
