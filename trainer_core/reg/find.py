"""Which regularization pictures a training wants, and which of them are there: what `reg` would do. Without torch."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..dataset.items import TrainingSet
from ..dataset.scan import scan
from ..generate.base_model import Base, base_model
from ..models.families import require_base
from ..models.header import read_header
from ..problems import UserError
from ..settings import Settings
from .manifest import Manifest, read_manifest
from .prompts import folder_name
from .wanted import Wanted, WantedSet, Work, class_set, compare, matched_set
from .words import RegOptions


@dataclass(frozen=True)
class FoundSet:
    """A set's folder, what it should hold and what it holds."""

    settings: Settings
    options: RegOptions
    base: Base
    folder: Path
    wanted: WantedSet
    manifest: Manifest
    work: Work


def find_set(settings: Settings, options: RegOptions) -> FoundSet:
    """Looks at pictures, captions and the set's folder; UserError with what keeps the set from being drawn."""
    base = base_of(settings)
    # Where the set is to be drawn there may be no folder yet.
    training_set = scan(settings.replaced(reg_data_dir=None))
    folder = _folder(settings, options, training_set)
    wanted = _wanted(settings, options, training_set, folder)
    manifest = read_manifest(folder) or Manifest(options.kind, 0, "", "")
    work = compare(folder, manifest, wanted.pictures, base, options.redo)
    return FoundSet(settings, options, base, folder, wanted, manifest, work)


def planned(found: FoundSet) -> dict[str, Any]:
    """What would be done, as JSON values: each picture of the set with its state, and what else lies in the folder.

    States: fresh; missing; stale, with what has changed (of which a changed caption alone is drawn anew unasked); yours,
    where a picture of the user's has its name.
    """
    work = found.work
    if found.options.redo:
        work = compare(found.folder, found.manifest, found.wanted.pictures, found.base, redo=False)
    states = {one.path: ("fresh", "") for one in work.kept} | {one.path: ("stale", why) for one, why in work.stale}
    states |= {one.path: ("stale", "caption") if one.path.is_file() else ("missing", "") for one in work.make}
    yours = {path.stem.lower(): path for path in work.foreign}
    pictures = [_picture(one, yours, states) for one in found.wanted.pictures]
    counts = {state: sum(one["state"] == state for one in pictures) for state in ("fresh", "missing", "stale", "yours")}
    return {
        "kind": found.options.kind,
        "folder": str(found.folder),
        "base": found.base.name,
        "activation": found.wanted.activation,
        "class_word": "" if found.options.drop_activation else found.options.class_word,
        "seed": found.settings.seed,
        "cfg_unusual": found.options.unusual_cfg,
        "pictures": pictures,
        "to_draw": len(found.work.make),
        "counts": {**counts, "without_caption": len(found.wanted.without_caption), "extra": len(work.extra)},
        "without_caption": [str(path) for path in found.wanted.without_caption],
        "not_trained": [str(path) for path in found.wanted.not_trained],
        "extra": [str(path) for path in work.extra],
    }


def _picture(wanted: Wanted, yours: dict[str, Path], states: dict[Path, tuple[str, str]]) -> dict[str, Any]:
    own = yours.get(wanted.path.stem.lower())
    state, why = states.get(wanted.path, ("yours", "")) if own is None else ("yours", "")
    there = own or (wanted.path if state != "missing" else None)
    return {
        "picture": str(wanted.picture) if wanted.picture else None,
        "reg": str(own or wanted.path),
        "there": there is not None,
        "prompt": wanted.request.prompt,
        "negative": wanted.request.negative,
        "caption": wanted.text,
        "seed": wanted.request.seed,
        "width": wanted.request.width,
        "height": wanted.request.height,
        "state": state,
        "why": why,
    }


def base_of(settings: Settings) -> Base:
    """The base model that the settings name; UserError where there is none or no usable one."""
    path = settings.pretrained_model_name_or_path
    if path is None:
        raise UserError("There is no base model to draw with: give the training's as pretrained_model_name_or_path.")
    header = read_header(path)
    require_base(header)
    return base_model(header.path, settings.vae, settings.data_dir)


def _folder(settings: Settings, options: RegOptions, training_set: TrainingSet) -> Path:
    root = options.out or settings.reg_data_dir
    if root is None:
        raise UserError("There is no folder for the pictures: give --out, or reg_data_dir in the settings.")
    root = Path(root).expanduser()
    folder = root / (options.folder or folder_name(options.class_word))
    trained = {subset.folder.resolve() for subset in training_set.subsets if not subset.is_reg}
    if settings.train_data_dir is not None:
        trained.add(Path(settings.train_data_dir).expanduser().resolve())
    if {folder.resolve(), root.resolve()} & trained:
        raise UserError(
            f"{root} holds the training pictures, and what lies there is trained as the subject: give another --out."
        )
    if folder.exists() and not folder.is_dir():
        raise UserError(f"{folder} is a file, not a folder: give another --out.")
    return folder


def _wanted(settings: Settings, options: RegOptions, training_set: TrainingSet, folder: Path) -> WantedSet:
    errors = [one for one in training_set.problems if one.severity == "error"]
    if options.kind == "class":
        errors = [one for one in errors if one.code == "resolution-missing"]
        if not errors:
            return class_set(settings, options, training_set, folder)
    unsized = any(one.code == "resolution-missing" for one in errors)
    if errors and (unsized or all(item.subset.is_reg for item in training_set.items)):
        raise UserError(f"{errors[0].message} {errors[0].fix}".strip())
    return matched_set(settings, options, training_set, folder)
