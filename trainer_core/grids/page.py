"""One page with all grids in it, to zoom and choose in: no other file and nothing from outside is asked for."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from ..files import write_atomically
from ..generate.base_model import Base
from ..generate.grid import draw_grid
from ..generate.infotext import save_png
from .axes import Cell, Grid, all_cells
from .cells import cell_infotext
from .number_words import NOTICE, numbers_text

TEMPLATE = Path(__file__).with_name("page.html")
PAGE = "grid.html"
_AS_THEY_ARE = 40 << 20  # bytes of PNG in all; beyond it the page has JPEGs, the PNGs stay beside it
_SMALL = 128  # pixels; smaller pictures are shown with sharp edges


def write_page(
    path: Path,
    title: str,
    grids: Sequence[Grid],
    files: Mapping[str, Path],
    models: Mapping[Path, Base],
    numbers: Mapping[str, Mapping[str, float]],
    command: str,
) -> None:
    """`command`: the words of the command line to which ` --choose CELL` is added."""
    cells = all_cells(grids)
    bases = {_place(cell): cell.id for cell in cells if cell.snapshot is None}
    entries: dict[str, Any] = {}
    for cell in cells:
        text = numbers_text(numbers.get(cell.id, {}))
        entries[cell.id] = {
            "picture": files[cell.id].stem,
            "info": cell_infotext(cell, models[cell.checkpoint]),
            "numbers": text,
            "choosable": cell.snapshot is not None,
            "base": bases.get(_place(cell)),
        }
    unlike = {files[cell.id].stem: files[cell.id] for cell in cells}
    small = sum(one.stat().st_size for one in unlike.values()) <= _AS_THEY_ARE
    data = {
        "title": title,
        "notice": NOTICE if any(numbers.values()) else "",
        "command": command,
        "small": max((cell.request.width for cell in cells), default=0) < _SMALL,
        "grids": [
            {
                "title": grid.title,
                "rows": grid.row_labels,
                "columns": grid.column_labels,
                "cells": [[cell.id if cell else None for cell in row] for row in grid.rows],
            }
            for grid in grids
        ],
        "cells": entries,
        "pictures": {name: _data_address(one, small) for name, one in unlike.items()},
    }
    write_atomically(path, TEMPLATE.read_text(encoding="utf-8").replace("__DATA__", _within_script(data)))


def _within_script(data: Any) -> str:
    """JSON that can't end the script element that it stands in, whatever a prompt or a file's name holds."""
    text = json.dumps(data, ensure_ascii=False)
    for mark in "<>&\u2028\u2029":
        text = text.replace(mark, f"\\u{ord(mark):04x}")
    return text


def _data_address(path: Path, as_it_is: bool) -> str:
    if as_it_is:
        return "data:image/png;base64," + base64.b64encode(path.read_bytes()).decode()
    buffer = io.BytesIO()
    with Image.open(path) as image:
        image.convert("RGB").save(buffer, "JPEG", quality=92)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode()


def _place(cell: Cell) -> tuple[Any, ...]:
    return cell.checkpoint, cell.request


def sheet_paths(folder: Path, count: int) -> list[Path]:
    """grid.png, or grid-1.png, grid-2.png, … of several grids."""
    return [folder / "grid.png"] if count == 1 else [folder / f"grid-{number}.png" for number in range(1, count + 1)]


def write_pngs(folder: Path, grids: Sequence[Grid], files: Mapping[str, Path], title: str) -> list[Path]:
    """One picture with labels for each grid; the paths."""
    paths = sheet_paths(folder, len(grids))
    for path, grid in zip(paths, grids, strict=True):
        pictures = [[_opened(files[cell.id]) if cell else None for cell in row] for row in grid.rows]
        whole = draw_grid(pictures, grid.row_labels, grid.column_labels, ": ".join(one for one in (title, grid.title) if one))
        save_png(path, whole)
    return paths


def _opened(path: Path) -> Image.Image:
    with Image.open(path) as image:
        return image.convert("RGB")
