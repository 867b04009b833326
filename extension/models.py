"""Models that a user can choose from: base models in webui or a folder, taggers wherever webui's users keep them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from ..tagger.model_files import KNOWN
from .errors import NOT_NOW, Refused
from .rights import Rights
from .versions import ROOT

DEMO_MODELS = ROOT / "demo" / "models"
_BASES = (".safetensors", ".ckpt")
_LISTS = ("selected_tags.csv", "tag_mapping.json")
_DEEPEST, _MOST_FOLDERS = 5, 3000


def demo_checkpoints() -> list[dict[str, Any]]:
    """The toy world's base model, on which the first steps can be tried without any other; `demo` says that it is one."""
    found = sorted(DEMO_MODELS.glob("*_base.safetensors"))
    return [{"name": f"{path.stem} (demo)", "path": str(path), "demo": True} for path in found]


def checkpoints_in(folders: Iterable[Path]) -> list[dict[str, str]]:
    """Model files in the folders and those below them, by name."""
    found = []
    for folder in folders:
        for place, names in _walk(folder):
            found += [(place / name, folder) for name in names if name.lower().endswith(_BASES)]
    return [{"name": path.relative_to(folder).with_suffix("").as_posix(), "path": str(path)} for path, folder in sorted(found)]


def models_among(folder: Path) -> list[str]:
    """Names of the model files that lie in the folder itself, a hundred at most; empty where it can't be read."""
    try:
        return sorted(one.name for one in folder.iterdir() if one.name.lower().endswith(_BASES))[:100]
    except OSError:
        return []


def taggers_in(folders: Iterable[Path]) -> list[dict[str, Any]]:
    """Folders with a model and its tag list, by name; those of a download cache are named by their repository.

    `demo` marks the toy world's, which knows nothing of real pictures.
    """
    found: dict[str, dict[str, Any]] = {}
    for folder in [*folders, DEMO_MODELS]:
        for place, names in _walk(folder):
            if "model.onnx" in names and any(one in names for one in _LISTS) and place.name != "toy_judge":
                toy = folder == DEMO_MODELS
                name = _tagger_name(place) + (" (demo)" if toy else "")
                found.setdefault(name, {"name": name, "path": str(place), **({"demo": True} if toy else {})})
    return sorted(found.values(), key=lambda one: ("demo" in one, one["name"].lower()))


FETCHING = "Fetching a tagger"


def fetchable(taggers: Iterable[dict[str, Any]]) -> list[str]:
    """Taggers that a tagging fetches by their names, of which none is there yet; newer ones first."""
    there = {one["name"].lower() for one in taggers}
    return sorted((name for name in KNOWN if name not in there), key=lambda name: "v1-4" in name)


def allowed_tagger(asked: Any, rights: Rights) -> str:
    """A tagger's path that may be read, or the name of one that may be fetched; empty for none. Refused else."""
    if not asked:
        return ""
    if asked in KNOWN:
        rights.must_be_known(FETCHING)
        return str(asked)
    return str(rights.may_read(asked, "The tagger's model"))


def fetched_tagger(model: str, taggers: Iterable[dict[str, Any]]) -> str:
    """The folder of a tagger that is given as a path or by its name; Refused where it has to be fetched first."""
    for one in taggers:
        if one["name"] == model:
            return one["path"]
    if model in KNOWN:
        raise Refused(f"The tagger {model} has to be fetched first: tag pictures with it once.", NOT_NOW)
    return model


def _tagger_name(place: Path) -> str:
    """`models--SmilingWolf--wd-vit-tagger-v3/snapshots/<hash>` is how downloads are kept; elsewhere the folder's name."""
    if place.parent.name == "snapshots" and place.parent.parent.name.startswith("models--"):
        return place.parent.parent.name.split("--")[-1]
    return place.name


def _walk(folder: Path) -> Iterator[tuple[Path, list[str]]]:
    """Folders with their files, by name, not deeper or more than is sensible; what can't be read is passed over."""
    for number, (place, folders, names) in enumerate(os.walk(folder)):
        depth = len(Path(place).relative_to(folder).parts)
        folders[:] = sorted(one for one in folders if not one.startswith(".")) if depth < _DEEPEST else []
        yield Path(place), sorted(names)
        if number >= _MOST_FOLDERS:
            return
