"""Regularization pictures drawn with the training's base model.

    python -m trainer_core reg --config_file run.toml --class_word 1girl [--dry_run] [--json]

Matched: for each training picture one of the same name, whose prompt is its caption with the class word in the activation
tag's place. Run again, it draws only what is missing or has a new caption; what is stale otherwise is drawn with --redo.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..dataset.items import TrainingSet
from ..dataset.scan import scan
from ..models.families import require_base
from ..models.hashes import model_hashes
from ..models.header import read_header
from ..problems import UserError
from ..settings import Settings, read_settings
from .reg_manifest import Manifest, read_manifest
from .reg_prompts import folder_name
from .reg_set import Base, Wanted, Work, class_set, compare, matched_set, reasons
from .reg_words import RegOptions, read_words

_SHOWN = 10


def main(argv: Sequence[str]) -> int:
    """`python -m trainer_core reg …`: 0 where the set was drawn or is there, 1 where it can't be, 2 where words are wrong."""
    options, words = read_words(argv)
    settings = read_settings(words, "reg")
    base = _base(settings)
    # Where the set is to be drawn there may be no folder yet.
    training_set = scan(settings.replaced(reg_data_dir=None))
    folder = _folder(settings, options, training_set)
    wanted, without_caption = _wanted(settings, options, training_set, folder)
    manifest = read_manifest(folder) or Manifest(options.kind, 0, "", "")
    work = compare(folder, manifest, wanted, base, options.redo)
    told = _result(folder, work, without_caption, options)
    if not options.as_json:
        print(_text(told, options), flush=True)
    if not options.dry_run:
        manifest.kind, manifest.seed, manifest.base_name = options.kind, settings.seed or 0, base.name
        manifest.seeds = options.seeds if options.kind == "matched" else "index"
        told["made"], told["captions_left"] = _do(settings, options, work, folder, manifest, base)
        if not options.as_json:
            print(f"{told['made']} pictures drawn into {folder}.", *_left(told["captions_left"]), sep="\n")
    if options.as_json:
        print(json.dumps(told, indent=2, ensure_ascii=False))
    return 0


def _base(settings: Settings) -> Base:
    path = settings.pretrained_model_name_or_path
    if path is None:
        raise UserError("There is no base model to draw with: give the training's as pretrained_model_name_or_path.")
    header = read_header(path)
    require_base(header)
    vae = model_hashes(settings.vae, settings.data_dir)[1] if settings.vae else ""
    return Base(header.path.stem, model_hashes(path, settings.data_dir)[1], vae)


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


def _wanted(
    settings: Settings, options: RegOptions, training_set: TrainingSet, folder: Path
) -> tuple[list[Wanted], list[Path]]:
    errors = [one for one in training_set.problems if one.severity == "error"]
    if options.kind == "class":
        errors = [one for one in errors if one.code == "resolution-missing"]
        if not errors:
            return class_set(settings, options, training_set, folder), []
    unsized = any(one.code == "resolution-missing" for one in errors)
    if errors and (unsized or all(item.subset.is_reg for item in training_set.items)):
        raise UserError(f"{errors[0].message} {errors[0].fix}".strip())
    return matched_set(settings, options, training_set, folder)


def _do(
    settings: Settings, options: RegOptions, work: Work, folder: Path, manifest: Manifest, base: Base
) -> tuple[int, list[str]]:
    """Draws what is to be drawn and brings captions up to date; how many pictures, and which captions are the user's."""
    from .reg_draw import draw, save_caption

    left = []
    for one in work.kept:
        if not save_caption(one, manifest.pictures[one.path.name]):
            left.append(str(one.caption))
    return (draw(settings, work.make, folder, manifest, base, options.batch_size) if work.make else 0), left


def _result(folder: Path, work: Work, without_caption: Sequence[Path], options: RegOptions) -> dict[str, Any]:
    """What is found, as JSON values; `made` is filled in later."""
    return {
        "kind": options.kind,
        "folder": str(folder),
        "to_draw": [one.path.name for one in work.make],
        "kept": len(work.kept),
        "stale": [{"file": one.path.name, "changed": why} for one, why in work.stale],
        "yours": [path.name for path in work.foreign],
        "without_caption": [str(path) for path in without_caption],
        "extra": [path.name for path in work.extra],
        "cfg_unusual": options.unusual_cfg,
        "made": 0,
        "captions_left": [],
        "why_stale": dict(reasons(work.stale)),
    }


def _text(told: dict[str, Any], options: RegOptions) -> str:
    lines = [f"{told['folder']}: {len(told['to_draw'])} pictures to draw, {told['kept']} are there as they should be."]
    if told["stale"]:
        why = "; ".join(f"{changed}: {count}" for changed, count in told["why_stale"].items())
        lines.append(f"{len(told['stale'])} are stale, since these have changed ({why}). --redo draws them anew.")
    if told["yours"]:
        lines.append(f"{len(told['yours'])} are your own and stay: {_names(told['yours'])}.")
    if told["without_caption"]:
        lines.append(f"Missing, for want of a caption: {_names([Path(one).name for one in told['without_caption']])}.")
    if told["extra"]:
        lines.append(f"Extra, of no training picture (take them away by hand): {_names(told['extra'])}.")
    if options.unusual_cfg:
        lines.append(f"warning: CFG {options.cfg:g} is outside 5 to 7, and high values teach glaring colours.")
    return "\n".join(lines)


def _left(captions: Sequence[str]) -> list[str]:
    return [f"Captions that you changed stay: {_names([Path(one).name for one in captions])}."] if captions else []


def _names(names: Sequence[str]) -> str:
    return ", ".join(names[:_SHOWN]) + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")
