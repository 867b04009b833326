"""Numbers beside the pictures, as help for the eye and not as judges of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from ..picture_names import is_picture
from ..problems import UserError
from .axes import Cell
from .likeness import evenly, nearest_among, prompt_tags, unit

MOST_PICTURES = 200  # of the training set; more add little and cost time


def drift(image: Image.Image, base: Image.Image) -> float:
    """How far from the base's picture of the same seed: mean difference of the colours, 0 (the same) to 1."""
    pair = [np.asarray(one.convert("RGB"), dtype=np.float32) for one in (image, base)]
    return float(np.abs(pair[0] - pair[1]).mean() / 255) if pair[0].shape == pair[1].shape else float("nan")


def cell_numbers(
    cells: Sequence[Cell], files: Mapping[str, Path], tagger: Path | None = None, pictures: Path | None = None
) -> dict[str, dict[str, float]]:
    """{id of the cell: {what: number}}: drift where the base is drawn; agreement and likeness where a tagger is given."""
    images = {cell.id: _opened(files[cell.id]) for cell in cells}
    bases = {_place(cell): images[cell.id] for cell in cells if cell.snapshot is None}
    numbers: dict[str, dict[str, float]] = {cell.id: {} for cell in cells}
    for cell in cells:
        if cell.snapshot is not None and _place(cell) in bases:
            numbers[cell.id]["drift"] = round(drift(images[cell.id], bases[_place(cell)]), 3)
    if tagger is not None:
        for id_, found in _seen(cells, images, tagger, pictures).items():
            numbers[id_] |= found
    return numbers


def _opened(path: Path) -> Image.Image:
    with Image.open(path) as image:
        return image.convert("RGB")


def _place(cell: Cell) -> tuple[Any, ...]:
    return cell.checkpoint, cell.request


def _seen(
    cells: Sequence[Cell], images: Mapping[str, Image.Image], path: Path, pictures: Path | None
) -> dict[str, dict[str, float]]:
    from ...tagger.labels import RATING
    from ...tagger.model import Tagger

    tagger = Tagger.load(path)
    known = {
        label.name.replace("_", " ").lower(): place for place, label in enumerate(tagger.labels) if label.category != RATING
    }
    scores = tagger.probabilities([images[cell.id] for cell in cells])
    trained = unit(tagger.probabilities(_training_pictures(pictures))) if pictures else None
    among = nearest_among(trained) if trained is not None and len(trained) > 1 else None
    found: dict[str, dict[str, float]] = {}
    for cell, row in zip(cells, scores, strict=True):
        wanted = prompt_tags(cell.request.prompt, known)
        found[cell.id] = {"agreement": round(float(row[wanted].mean()), 3)} if wanted else {}
        if trained is not None:
            found[cell.id]["likeness"] = round(float((trained @ unit(row[None])[0]).max()), 3)
        if among is not None:
            found[cell.id]["likeness_among"] = round(among, 3)
    return found


def _training_pictures(folder: Path) -> list[Image.Image]:
    """At most MOST_PICTURES of the folder and those within, evenly spread."""
    paths = sorted(path for path in folder.rglob("*") if is_picture(path.name)) if folder.is_dir() else []
    if not paths:
        raise UserError(f"There are no pictures in {folder}: give the folder of the training pictures with --pictures.")
    return [_opened(path) for path in evenly(paths, MOST_PICTURES)]
