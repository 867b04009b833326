"""Draws the cells that are missing. A cell's file is named after all that it depends on, so what is there is right."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from ..command_errors import system_sentence
from ..files import write_json
from ..generate.base_model import Base
from ..generate.infotext import infotext, save_png
from ..generate.sampler_names import AUTOMATIC
from ..generate.telling import Told, steps_told
from ..problems import UserError
from ..processes import ALONE, Processes
from .axes import Cell, Grid

MANIFEST, CELLS = "grid.json", "cells"


def cell_values(cell: Cell, base: Base) -> dict[str, Any]:
    """All that the picture depends on; what was not asked for (a VAE, block weights, further LoRAs) is left out."""
    lora = cell.snapshot.digest if cell.snapshot else ""
    request = asdict(cell.request)
    further = [{name: value for name, value in one.items() if name not in ("name", "path")} for one in request.pop("loras")]
    schedule = request.pop("schedule")
    values = {"model": base.sha256, "lora": lora, "te": cell.te, "unet": cell.unet, **request}
    more = {
        "vae": base.vae,
        "lbw": cell.lbw,
        "x": cell.x,
        "loras": further,
        "schedule": "" if schedule == AUTOMATIC else schedule,
    }
    return values | {name: value for name, value in more.items() if value not in ("", None, [])}


def cell_file(folder: Path, cell: Cell, base: Base) -> Path:
    text = json.dumps(cell_values(cell, base), sort_keys=True)
    return folder / CELLS / f"{hashlib.sha256(text.encode()).hexdigest()[:20]}.png"


def cell_infotext(cell: Cell, base: Base) -> str:
    """What webui's PNG info reads: its prompt has the LoRA with both strengths."""
    return infotext(replace(cell.request, loras=cell.loras()), base)


def write_manifest(
    folder: Path,
    grids: Sequence[Grid],
    files: dict[str, Path],
    bases: Mapping[Path, Base],
    numbers: Mapping[str, Mapping[str, float]] | None = None,
    about: Mapping[str, Any] | None = None,
) -> None:
    """What the grids consist of, for choosing a cell and for other programs. `about`: further values of the whole."""
    cells = {}
    for cell in (cell for grid in grids for row in grid.rows for cell in row if cell):
        snapshot = cell.snapshot
        cells[cell.id] = {
            "file": files[cell.id].relative_to(folder).as_posix(),
            "checkpoint": str(cell.checkpoint),
            "lora_file": str(snapshot.path.absolute()) if snapshot else None,
            **cell_values(cell, bases[cell.checkpoint]),
            "numbers": dict((numbers or {}).get(cell.id, {})),
        }
    shown = [
        {
            "title": grid.title,
            "rows": grid.row_labels,
            "columns": grid.column_labels,
            "cells": [[cell.id if cell else None for cell in row] for row in grid.rows],
        }
        for grid in grids
    ]
    write_json(folder / MANIFEST, {"version": 1, **(about or {}), "grids": shown, "cells": cells})


def draw_missing(
    cells: Sequence[Cell],
    files: dict[str, Path],
    bases: Mapping[Path, Base],
    *,
    batch_size: int = 4,
    told: Told | None = None,
    those: Processes = ALONE,
) -> int:
    """Draws this process's share of the cells whose files are not there; how many. Each batch is on the disk before the next.

    UserError in one sentence where the disk or a LoRA refuses; what was drawn before stays.
    """
    from ..generate.sample import drawn_batches

    missing = list({files[cell.id]: cell for cell in cells if not files[cell.id].is_file()}.values())
    those.wait()  # whoever looks later would find what others have drawn by then
    missing, done, told = those.mine(sorted(missing, key=_base_first)), 0, told or Told()
    for checkpoint, of_model in itertools.groupby(missing, key=lambda cell: cell.checkpoint):
        group = list(of_model)
        model, device = _load(checkpoint, bases[checkpoint].vae_file, group)
        requests = [replace(cell.request, loras=cell.loras()) for cell in group]
        steps = steps_told(told.between, done, len(group), len(missing))
        for places, images in drawn_batches(model, requests, device=device, batch_size=batch_size, progress=steps):
            for place, image in zip(places, images, strict=True):
                _save(files[group[place].id], image, cell_infotext(group[place], bases[checkpoint]), done)
                done += 1
            told(done, len(missing), files[group[places[-1]].id])
        del model
    return done


def _base_first(cell: Cell) -> tuple[str, bool]:
    return str(cell.checkpoint), cell.snapshot is not None


def _load(checkpoint: Path, vae: Path | None, cells: Sequence[Cell]) -> tuple[Any, Any]:
    """The model, which predicts what the cells' LoRAs were trained for where its file doesn't say it."""
    import torch

    from ..generate.device import own_device
    from ..models.checkpoint import load_model
    from ..models.header import read_header

    device = own_device()
    said = [read_header(path).metadata for path in dict.fromkeys(cell.snapshot.path for cell in cells if cell.snapshot)]
    model = load_model(
        checkpoint,
        vae,
        dtype=torch.float32 if device == "cpu" else torch.float16,
        v_parameterization=any(metadata.get("modelspec.prediction_type") == "v" for metadata in said),
        zero_terminal_snr=any(metadata.get("ss_zero_terminal_snr") == "True" for metadata in said),
    )
    return model, device


def _save(path: Path, image: Any, text: str, done: int) -> None:
    try:
        save_png(path, image, text)
    except OSError as error:
        stays = f"the {done} pictures made before stay" if done else "no picture was made"
        raise UserError(f"{system_sentence(error).removesuffix('.')}; {stays}; run it again to go on.") from error
