"""Whether regularization pictures that `reg` drew still fit the run: its base, its seed, its captions."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ..dataset.caption_text import whole_caption
from ..dataset.items import TrainingSet
from ..dataset.scan_report import names
from ..models.hashes import model_hashes
from ..picture_names import is_picture
from ..problems import Problem, UserError
from ..reg.manifest import Manifest, read_manifest, text_hash
from ..reg.prompts import is_captioned, matched_items, reg_path
from ..settings import Settings

_FIX = "Draw them anew: `python -m trainer_core reg` with --redo."


def reg_image_problems(settings: Settings, training_set: TrainingSet, base_is_sound: bool) -> list[Problem]:
    """A warning for each way in which a folder's manifest and the run differ; other folders are the user's own affair."""
    found = []
    for folder in dict.fromkeys(subset.folder for subset in training_set.subsets if subset.is_reg):
        try:
            manifest = read_manifest(folder)
        except UserError as error:
            found.append(Problem("warning", "reg-manifest", str(error)))
            continue
        if manifest is None or not manifest.pictures:
            continue
        if base_is_sound:
            found += _base_problems(settings, folder, manifest)
        found += _seed_problems(settings, folder, manifest)
        if manifest.kind == "matched":
            found += _caption_problems(training_set, folder, manifest)
    return found


def _base_problems(settings: Settings, folder: Path, manifest: Manifest) -> list[Problem]:
    path = settings.pretrained_model_name_or_path or ""
    try:
        base = model_hashes(path, settings.data_dir)[1]
    except OSError as error:  # the data folder, where the hash is kept, may be unwritable
        message = f"Whether the regularization pictures are of {path} can't be seen ({error.strerror or error})."
        return [Problem("note", "reg-base", message)]
    others = [Path(name) for name, entry in manifest.pictures.items() if entry.base != base]
    if not others:
        return []
    message = f"Regularization pictures in {folder} were drawn with another base model than this run's: {names(others)}."
    return [Problem("warning", "reg-base", message, _FIX)]


def _seed_problems(settings: Settings, folder: Path, manifest: Manifest) -> list[Problem]:
    others = sorted({entry.training_seed for entry in manifest.pictures.values()} - {settings.seed})
    if not others:
        return []
    seeds = ", ".join(map(str, others))
    if settings.seed is None:
        message = f"The regularization pictures in {folder} were drawn with seed {seeds}, and this run has none."
        return [Problem("warning", "reg-seed", message, f"Set seed to {others[0]}.")]
    message = f"The regularization pictures in {folder} were drawn with seed {seeds}, and this run has {settings.seed}."
    return [Problem("warning", "reg-seed", message, _FIX)]


def _caption_problems(training_set: TrainingSet, folder: Path, manifest: Manifest) -> list[Problem]:
    there = {path.stem for path in folder.iterdir() if is_picture(path.name)}
    changed: list[Path] = []
    missing: list[Path] = []
    for one in matched_items(training_set):
        if not is_captioned(one.item):
            continue
        entry = manifest.pictures.get(reg_path(folder, one.stem).name)
        if one.stem not in there:
            missing.append(one.item.path)
        elif entry and entry.source != text_hash(whole_caption(one.item)):
            changed.append(one.item.path)
    return [*_told(changed, _CHANGED, folder), *_told(missing, _MISSING, folder)]


_CHANGED = "Captions that have changed since the regularization pictures in {folder} were drawn: {which}."
_MISSING = "Training pictures without a regularization picture of their own in {folder}: {which}."


def _told(paths: Sequence[Path], sentence: str, folder: Path) -> list[Problem]:
    if not paths:
        return []
    message = sentence.format(folder=folder, which=names(paths))
    return [Problem("warning", "reg-captions", message, "Draw them: `python -m trainer_core reg` does only what changed.")]
