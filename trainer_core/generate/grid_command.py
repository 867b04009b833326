"""`python -m trainer_core grid`: draws grids, and makes of a chosen cell the next run.

python -m trainer_core grid out/penny.safetensors --prompt "penny, smile" --strength 0.5 1
python -m trainer_core grid out/penny.safetensors --choose e8/te1.0/unet0.5
"""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..command_errors import system_sentence
from ..problems import UserError, WordsError
from ..settings import Settings
from ..settings.toml_files import config_path, flattened, read_config
from .grid_axes import SAME_AS, Point, all_cells, lay_out, number_points, prompt_points, snapshot_points
from .grid_choose import delete, find_choice, next_settings, others_of, verdict, write_next
from .grid_prompts import grid_requests, size_of
from .grid_runs import Snapshot, read_snapshot, settings_of_run, snapshots_of_run
from .grid_suites import suites
from .grid_words import build_parser

_MOST_SHOWN = 36  # ids of cells in the terminal


@dataclass(frozen=True)
class _Given:
    """The words, the snapshots that they name, and the settings of the run where they are known."""

    words: argparse.Namespace
    snapshots: list[Snapshot]
    settings: dict[str, Any]
    folder: Path


def main(argv: Sequence[str]) -> int:
    """`grid`; the exit status."""
    words = build_parser().parse_args(list(argv))
    if words.suite == ["?"]:
        for name, path in sorted(suites().items()):
            print(f"{name:<18}{path}")
        return 0
    given = _given(words)
    if words.choose is not None:
        _choose(given)
    else:
        _draw(given)
    return 0


def _given(words: argparse.Namespace) -> _Given:
    if not words.runs and not words.loras:
        raise WordsError("grid needs a LoRA: out/name.safetensors or the job's folder, or --loras with files.")
    if words.choose is None and (words.delete_others or words.settings):
        raise WordsError("--delete_others and --settings need --choose with a cell.")
    snapshots = [one for run in words.runs for one in snapshots_of_run(Path(run))]
    settings = {**_settings(words, snapshots)}
    if words.epochs:
        snapshots = [_named(snapshots, wanted) for wanted in words.epochs]
    snapshots += [read_snapshot(Path(one).expanduser()) for one in words.loras]
    snapshots = list({one.path.resolve(): one for one in snapshots}.values())
    first = snapshots[0]
    folder = Path(words.out).expanduser() if words.out else first.path.parent / "grids" / first.run
    return _Given(words, snapshots, settings, folder)


def _settings(words: argparse.Namespace, snapshots: list[Snapshot]) -> dict[str, Any]:
    """What the run was trained with: of --config_file, else of its job; empty where neither is known."""
    if not words.config_file:
        return (settings_of_run(snapshots) or {}) if snapshots else {}
    read = flattened(read_config(config_path(Path(words.config_file).expanduser()), "config_file"))
    return Settings.from_dict(read).as_dict(only_given=True)


def _named(snapshots: list[Snapshot], wanted: str) -> Snapshot:
    for one in snapshots:
        if wanted in (one.label, one.name, str(one.epoch) if one.step is None else "") or (wanted == "last" and one.last):
            return one
    known = ", ".join(one.label for one in snapshots)
    raise WordsError(f"--epochs {wanted}: there is no such snapshot; there are {known or 'none'}.")


def _draw(given: _Given) -> None:
    from ..models.hashes import model_hashes
    from .grid_cells import MANIFEST, cell_file, draw_missing, write_manifest
    from .grid_numbers import cell_numbers
    from .grid_page import PAGE, write_page, write_pngs
    from .grid_plot import webui_plot

    words, folder = given.words, given.folder
    axes = _axes(given)
    grids = lay_out(axes, *(SAME_AS.get(name, name) for name in (words.rows, words.columns)), base=not words.no_base)
    cells = all_cells(grids)
    hashes = {point.value: model_hashes(point.value)[1] for point in axes["checkpoints"]}
    files = {cell.id: cell_file(folder, cell, hashes[cell.checkpoint]) for cell in cells}
    missing = len({path for path in files.values() if not path.is_file()})
    print(f"{len(cells)} pictures, {missing} to draw, in {folder}", flush=True)
    try:
        write_manifest(folder, grids, files, hashes)
    except OSError as error:
        raise UserError(f"The grid can't be written: {system_sentence(error)}") from error
    draw_missing(
        cells, files, hashes, batch_size=max(1, words.batch_size), told=lambda done, total: print(f"{done}/{total}", flush=True)
    )
    title = ", ".join(dict.fromkeys(one.run for one in given.snapshots))
    tagger = Path(words.tagger) if words.tagger else None
    numbers = cell_numbers(cells, files, tagger, _pictures(given) if tagger else None)
    command = shlex.join(["python", "-m", "trainer_core", "grid", *words.runs, *_listed("--loras", words.loras)])
    command += f" --out {shlex.quote(words.out)}" if words.out else ""
    try:
        write_manifest(folder, grids, files, hashes, numbers)
        pngs = write_pngs(folder, grids, files, title)
        write_page(folder / PAGE, title, grids, files, hashes, numbers, command)
    except OSError as error:
        raise UserError(f"The pictures are drawn, the grid can't be written: {system_sentence(error)}") from error
    shown = [cell.id for cell in cells[:_MOST_SHOWN]]
    print("Cells: " + "  ".join(shown) + (f"  … {MANIFEST} has all" if len(cells) > len(shown) else ""))
    strengths = list(dict.fromkeys((cell.te, cell.unet) for cell in cells if cell.snapshot))
    print(webui_plot(axes["prompts"][0].value.prompt, given.snapshots, strengths))
    print(f"Choose with: {command} --choose CELL")
    print("Grid: " + ", ".join(map(str, [folder / PAGE, *pngs])))


def _listed(flag: str, values: Sequence[str]) -> list[str]:
    return [flag, *values] if values else []


def _axes(given: _Given) -> dict[str, list[Point]]:
    words = given.words
    if words.strength and (words.te or words.unet):
        raise WordsError("--strength is both parts' strength: give it, or --te and --unet.")
    checkpoints = [
        Path(one).expanduser() for one in words.checkpoints or [given.settings.get("pretrained_model_name_or_path")] if one
    ]
    if not checkpoints:
        raise WordsError("the model that the LoRA was trained on is not known here: give it with --checkpoints.")
    requests = grid_requests(words, size_of(words, given.settings), given.settings.get("clip_skip"))
    axes = {"snapshots": snapshot_points(given.snapshots)}
    if words.strength:
        axes["strength"] = number_points("strength", words.strength)
    else:
        axes |= {name: number_points(name, getattr(words, name) or [1.0]) for name in ("te", "unet")}
    axes["checkpoints"] = [Point(f"m{number}", one.stem, one) for number, one in enumerate(dict.fromkeys(checkpoints), start=1)]
    axes["prompts"] = prompt_points(requests)
    if words.seeds:
        axes["seeds"] = number_points("seeds", words.seeds)
    if words.cfg:
        axes["cfg"] = number_points("cfg", words.cfg)
    return axes


def _pictures(given: _Given) -> Path | None:
    """The training pictures' folder, as given or as the training had it."""
    known = given.words.pictures or given.settings.get("train_data_dir")
    return Path(known).expanduser() if known else None


def _choose(given: _Given) -> None:
    words = given.words
    choice = find_choice(given.folder, words.choose)
    chosen = read_snapshot(choice.path)
    if chosen.digest != choice.digest:
        raise UserError(f"{choice.path} has changed since the grid was drawn: run the grid again, then choose.")
    of_run = snapshots_of_run(choice.path)
    chosen = next((one for one in of_run if one.path.resolve() == choice.path.resolve()), chosen)
    old = given.settings if words.config_file else settings_of_run(of_run)
    if not old:
        raise UserError(f"The settings {chosen.run} was trained with are not found: give them with --config_file.")
    others = others_of(of_run, choice.path) if words.delete_others else []
    if others and not words.yes:
        listed = "".join(f"\n  {path}" for path in others)
        raise UserError(f"--delete_others would delete {len(others)} snapshots, add --yes to do it; nothing was done:{listed}")
    new = next_settings(old, choice.te, choice.unet, chosen)
    wanted = Path(words.settings).expanduser() if words.settings else chosen.path.parent / f"{chosen.run}-next.toml"
    path = write_next(wanted, new)
    print(f"Chosen: {choice.id}, {choice.path}")
    trained = [part for part, setting in (("unet", "unet_lr"), ("te", "text_encoder_lr")) if setting in new]
    print(verdict(choice.te, choice.unet, chosen, of_run, trained))
    rates = Settings.from_dict(old).learning_rates()
    for setting in ("unet_lr", "text_encoder_lr"):
        if setting in new:
            print(f"{setting}: {rates[setting]:g} → {new[setting]:g}")
    if others:
        delete(others, chosen.run)
        print("Deleted: " + ", ".join(one.name for one in others))
    print(f"The next run: python -m trainer_core train --config_file {shlex.quote(str(path))}")
