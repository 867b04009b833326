"""What a grid's words ask for: its LoRAs, axes and cells, and which pictures are there already. Without torch."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..generate.base_model import Base, base_model
from ..generate.lora_words import read_words, with_words
from ..generate.run_snapshots import Snapshot, read_snapshot, settings_of_run, snapshots_of_run
from ..models.families import identify, require_base
from ..models.header import read_header
from ..networks.block_weights import parse_block_weights
from ..problems import WordsError
from ..settings import Settings
from ..settings.toml_files import config_path, flattened, read_config
from .axes import (
    AXES,
    SAME_AS,
    Cell,
    Grid,
    Point,
    all_cells,
    block_points,
    lay_out,
    number_points,
    prompt_points,
    sampling_points,
    snapshot_points,
    together_points,
    x_points,
)
from .cells import cell_file
from .plot import webui_plot
from .prompts import grid_requests, size_of


@dataclass(frozen=True)
class Given:
    """The words, the snapshots that they name, the settings of the run where they are known, and the grid's folder."""

    words: argparse.Namespace
    snapshots: list[Snapshot]
    settings: dict[str, Any]
    folder: Path

    @property
    def title(self) -> str:
        return ", ".join(dict.fromkeys(one.run for one in self.snapshots))

    @property
    def command(self) -> str:
        """The words of the command line to which ` --choose CELL` is added."""
        words = self.words
        named = ["--loras", *words.loras] if words.loras else []
        command = shlex.join(["python", "-m", "trainer_core", "grid", *words.runs, *named])
        return command + (f" --out {shlex.quote(words.out)}" if words.out else "")

    def lora_folders(self) -> list[Path]:
        """Where LoRAs that are only named are looked for: the given folders, and those of the given LoRAs."""
        given = [Path(one).expanduser() for one in self.words.lora_folders]
        return list(dict.fromkeys([*given, *(one.path.parent for one in self.snapshots)]))

    def vae(self) -> Path | None:
        """The VAE in place of the checkpoints' own: as given (none for ""), or as the training had it."""
        given = self.settings.get("vae") if self.words.vae is None else self.words.vae
        return Path(given).expanduser() if given else None

    def pictures(self) -> Path | None:
        """The training pictures' folder, as given or as the training had it."""
        known = self.words.pictures or self.settings.get("train_data_dir")
        return Path(known).expanduser() if known else None


@dataclass(frozen=True)
class FoundGrid:
    """A grid's axes, its pictures in rows and columns, their files, and what each checkpoint is drawn with."""

    given: Given
    axes: dict[str, list[Point]]
    grids: list[Grid]
    cells: list[Cell]
    files: dict[str, Path]
    bases: dict[Path, Base]

    def missing(self) -> int:
        """How many pictures are to be drawn."""
        return len({path for path in self.files.values() if not path.is_file()})

    def about(self) -> dict[str, Any]:
        """What is told of the whole grid in its grid.json."""
        given = self.given
        loras = list(dict.fromkeys(lora for cell in self.cells if (lora := cell.lora())))
        return {
            "title": given.title,
            "axes": {name: [{"id": one.id, "label": one.label} for one in points] for name, points in self.axes.items()},
            "varied": [name for name in AXES if len(self.axes.get(name, ())) > 1],
            "webui": webui_plot(
                with_words(self.axes["prompts"][0].value),
                loras,
                {name: [one.value for one in points] for name, points in self.axes.items()},
            ),
            "command": given.command,
            "pictures": str(given.pictures() or ""),
        }


def find_given(words: argparse.Namespace, known: Mapping[str, Any] | None = None) -> Given:
    """`known`: settings to go by where neither --config_file is given nor the run's own job is found."""
    if not words.runs and not words.loras:
        raise WordsError("grid needs a LoRA: out/name.safetensors or the job's folder, or --loras with files.")
    if words.choose is None and (words.delete_others or words.settings):
        raise WordsError("--delete_others and --settings need --choose with a cell.")
    snapshots = [one for run in words.runs for one in snapshots_of_run(Path(run))]
    settings = {**_settings(words, snapshots)} or dict(known or {})
    if words.epochs:
        snapshots = [_named(snapshots, wanted) for wanted in words.epochs]
    snapshots += [read_snapshot(Path(one).expanduser()) for one in words.loras]
    snapshots = list({one.path.resolve(): one for one in snapshots}.values())
    first = snapshots[0]
    folder = Path(words.out).expanduser() if words.out else first.path.parent / "grids" / first.run
    return Given(words, snapshots, settings, folder)


def _settings(words: argparse.Namespace, snapshots: list[Snapshot]) -> dict[str, Any]:
    """What the run was trained with: of --config_file, else of its job; empty where neither is known."""
    if not words.config_file:
        return (settings_of_run(snapshots) or {}) if snapshots else {}
    read = flattened(read_config(config_path(Path(words.config_file).expanduser()), "config_file"))
    return Settings.from_dict(read).as_dict(only_given=True)


def _named(snapshots: Sequence[Snapshot], wanted: str) -> Snapshot:
    for one in snapshots:
        if wanted in (one.label, one.name, str(one.epoch) if one.step is None else "") or (wanted == "last" and one.last):
            return one
    known = ", ".join(one.label for one in snapshots)
    raise WordsError(f"--epochs {wanted}: there is no such snapshot; there are {known or 'none'}.")


def find_grid(given: Given) -> FoundGrid:
    """The cells and their files; UserError with what can't be. A checkpoint's hash is kept after the first time."""
    words, axes = given.words, _axes(given)
    grids = lay_out(axes, *(SAME_AS.get(name, name) for name in (words.rows, words.columns)), base=not words.no_base)
    cells = all_cells(grids)
    _check_blocks(cells)
    for point in axes["checkpoints"]:
        require_base(read_header(point.value))
    bases = {point.value: base_model(point.value, given.vae()) for point in axes["checkpoints"]}
    files = {cell.id: cell_file(given.folder, cell, bases[cell.checkpoint]) for cell in cells}
    return FoundGrid(given, axes, grids, cells, files, bases)


def _check_blocks(cells: Sequence[Cell]) -> None:
    """UserError with block weights that one of the models can't have, before anything is drawn."""
    weighted = {(cell.checkpoint, lora.lbw, lora.x) for cell in cells for lora in cell.loras() if lora.lbw}
    families = {checkpoint: identify(read_header(checkpoint)) for checkpoint, _, _ in weighted}
    for checkpoint, lbw, x in sorted(weighted, key=str):
        parse_block_weights(lbw, families[checkpoint], x=x, what="lbw")


def _axes(given: Given) -> dict[str, list[Point]]:
    words = given.words
    if words.x and not words.lbw:
        raise WordsError("--x is the value of X in block weights: give --lbw too, such as OUTX.")
    if words.strength and (words.te or words.unet):
        raise WordsError("--strength is both parts' strength: give it, or --te and --unet.")
    checkpoints = [
        Path(one).expanduser() for one in words.checkpoints or [given.settings.get("pretrained_model_name_or_path")] if one
    ]
    if not checkpoints:
        raise WordsError("the model that the LoRA was trained on is not known here: give it with --checkpoints.")
    folders = given.lora_folders()
    requests = grid_requests(words, size_of(words, given.settings), given.settings.get("clip_skip"), folders)
    axes = {"snapshots": snapshot_points(given.snapshots)}
    if words.strength:
        axes["strength"] = number_points("strength", words.strength)
    else:
        axes |= {name: number_points(name, getattr(words, name) or [1.0]) for name in ("te", "unet")}
    if words.lbw:
        axes["lbw"] = block_points(words.lbw)
    if words.x:
        axes["x"] = x_points(words.x)
    if words.together:
        axes["together"] = together_points([read_words(one, folders) for one in words.together])
    axes["checkpoints"] = [Point(f"m{number}", one.stem, one) for number, one in enumerate(dict.fromkeys(checkpoints), start=1)]
    axes["prompts"] = prompt_points(requests)
    if words.seeds:
        axes["seeds"] = number_points("seeds", words.seeds)
    if words.cfg:
        axes["cfg"] = number_points("cfg", words.cfg)
    for name in ("sampler", "steps", "clip_skip"):
        if len(set(getattr(words, name) or ())) > 1:  # one alone is what prompts go by that say nothing of it
            axes[name] = sampling_points(name, getattr(words, name))
    return axes


def planned(found: FoundGrid) -> dict[str, Any]:
    """What would be drawn, as JSON values."""
    about = found.about()
    return {
        "folder": str(found.given.folder),
        **{name: about[name] for name in ("title", "axes", "varied", "webui", "command")},
        "loras": [{"path": str(one.path), "name": one.name, "label": one.label} for one in found.given.snapshots],
        "checkpoints": [str(one) for one in found.bases],
        "grids": [
            {
                "title": grid.title,
                "rows": grid.row_labels,
                "columns": grid.column_labels,
                "cells": [[cell.id if cell else None for cell in row] for row in grid.rows],
            }
            for grid in found.grids
        ],
        "pictures": len(set(found.files.values())),
        "to_draw": found.missing(),
        "kept": len({path for path in found.files.values() if path.is_file()}),
        "size": [found.cells[0].request.width, found.cells[0].request.height],
        "steps": round(sum(cell.request.steps for cell in found.cells) / len(found.cells)),  # on average, for the time it takes
    }
