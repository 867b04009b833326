"""Regularization pictures drawn with the training's base model.

    python -m trainer_core reg --config_file run.toml --class_word 1girl [--dry_run] [--json]

Matched: for each training picture one of the same name, whose prompt is its caption with the class word in the activation
tag's place. Run again, it draws only what is missing or has a new caption; what is stale otherwise is drawn with --redo.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from ...tagger.shares import share
from ..generate.folder_lock import drawing_in
from ..generate.telling import Told, ToldInTerminal
from ..processes import Processes, processes
from ..settings import read_settings
from .find import FoundSet, find_set
from .manifest import read_manifest
from .wanted import reasons
from .words import RegOptions, read_words

_SHOWN = 10


def main(argv: Sequence[str]) -> int:
    """`python -m trainer_core reg …`: 0 where the set was drawn or is there, 1 where it can't be, 2 where words are wrong."""
    options, words = read_words(argv)
    found = find_set(read_settings(words, "reg"), options)
    told, speaks = result(found), share()[0] == 0
    if speaks and not options.as_json:
        print(_text(told, options), flush=True)
    if not options.dry_run:
        try:
            told["made"], told["captions_left"] = draw_set(found, ToldInTerminal())
        except KeyboardInterrupt:
            print("What is drawn stays; the same command goes on.", file=sys.stderr, flush=True)
            raise
        if speaks and not options.as_json:
            print(done_text(told))
    if speaks and options.as_json:
        print(json.dumps(told, indent=2, ensure_ascii=False))
    return 0


def draw_set(found: FoundSet, told: Told) -> tuple[int, list[str]]:
    """Draws what is to be drawn and brings captions up to date; how many pictures, and which captions are the user's.

    Under torchrun every process draws its share, and all are counted.
    """
    if not found.folder.is_dir() and not found.work.make:
        return 0, []
    with processes() as those, drawing_in(found.folder) if those.is_first else nullcontext():
        those.wait()
        if read_manifest(found.folder) not in (None, found.manifest):  # another run ended between the look and now
            found = find_set(found.settings, found.options)
        those.wait()
        made, left = _draw_share(found, told, those)
        those.wait()
        those.clear(found.folder)
        return those.total(made), left


def _draw_share(found: FoundSet, told: Told, those: Processes) -> tuple[int, list[str]]:
    from .draw import draw, save_caption

    options, settings, manifest = found.options, found.settings, found.manifest
    manifest.kind, manifest.seed, manifest.base_name = options.kind, settings.seed or 0, found.base.name
    manifest.seeds = options.seeds if options.kind == "matched" else "index"
    left = []
    if those.is_first:
        kept = [(one, manifest.pictures[one.path.name]) for one in found.work.kept]
        left = [str(one.caption) for one, entry in kept if not save_caption(one, entry)]
    todo = those.mine(found.work.make)
    if not todo:
        return 0, left
    return draw(settings, todo, found.folder, manifest, found.base, options.batch_size, told, those), left


def result(found: FoundSet) -> dict[str, Any]:
    """What is found, as JSON values; `made` is filled in later."""
    work, options = found.work, found.options
    return {
        "kind": options.kind,
        "folder": str(found.folder),
        "to_draw": [one.path.name for one in work.make],
        "kept": len(work.kept),
        "stale": [{"file": one.path.name, "changed": why} for one, why in work.stale],
        "yours": [path.name for path in work.foreign],
        "without_caption": [str(path) for path in found.wanted.without_caption],
        "not_trained": [str(path) for path in found.wanted.not_trained],
        "extra": [path.name for path in work.extra],
        "cfg_unusual": options.unusual_cfg,
        "made": 0,
        "captions_left": [],
        "why_stale": dict(reasons(work.stale)),
    }


def done_text(told: dict[str, Any]) -> str:
    """What was done, in words."""
    made, folder = told["made"], told["folder"]
    lines = [f"1 picture drawn into {folder}." if made == 1 else f"{made} pictures drawn into {folder}."]
    if told["captions_left"]:
        lines.append(f"Captions that you changed stay: {_names([Path(one).name for one in told['captions_left']])}.")
    return "\n".join(lines)


def _text(told: dict[str, Any], options: RegOptions) -> str:
    number = len(told["to_draw"])
    to_draw = "1 picture" if number == 1 else f"{number} pictures"
    lines = [f"{told['folder']}: {to_draw} to draw, {told['kept']} are there as they should be."]
    if told["stale"]:
        why = "; ".join(f"{changed}: {count}" for changed, count in told["why_stale"].items())
        lines.append(f"{len(told['stale'])} are stale, since these have changed ({why}). --redo draws them anew.")
    if told["yours"]:
        lines.append(f"{len(told['yours'])} are your own and stay: {_names(told['yours'])}.")
    if told["without_caption"]:
        lines.append(f"Missing, for want of a caption: {_names([Path(one).name for one in told['without_caption']])}.")
    if told["not_trained"]:
        names = _names([Path(one).name for one in told["not_trained"]])
        lines.append(f"Not trained, so they get none (`plan` says why): {names}.")
    if told["extra"]:
        lines.append(f"Extra, of no training picture (take them away by hand): {_names(told['extra'])}.")
    if options.unusual_cfg:
        lines.append(f"warning: CFG {options.cfg:g} is outside 5 to 7, and high values teach glaring colours.")
    return "\n".join(lines)


def _names(names: Sequence[str]) -> str:
    return ", ".join(names[:_SHOWN]) + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")
