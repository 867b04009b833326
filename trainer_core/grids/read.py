"""A finished grid's folder, read for a page that shows it. Without torch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..files import read_json
from ..problems import UserError
from .axes import BASE
from .cells import MANIFEST
from .number_words import NOTICE, numbers_text
from .page import PAGE, sheet_paths


def read_manifest(folder: Path) -> dict[str, Any]:
    """grid.json as it is; UserError where there is none or it is damaged."""
    path = folder / MANIFEST
    try:
        content = read_json(path)
        if not isinstance(content["cells"], dict) or not isinstance(content["grids"], list):
            raise TypeError
    except FileNotFoundError:
        raise UserError(f"There is no grid in {folder}: make one first, or say where it is with --out.") from None
    except OSError as error:
        raise UserError(f"{path} can't be read ({error.strerror or error}): check the file and its rights.") from None
    except (ValueError, KeyError, TypeError):
        raise UserError(f"{path} is damaged: run the grid again; pictures that are there are kept.") from None
    return content


def read_grid(folder: Path) -> dict[str, Any]:
    """The grid as JSON values: axes, grids of cell ids, and each cell with its picture, values and numbers in words."""
    content = read_manifest(folder)
    cells = {id_: _cell(folder, id_, values) for id_, values in content["cells"].items()}
    page = folder / PAGE
    return {
        "folder": str(folder),
        "title": content.get("title", folder.name),
        "axes": content.get("axes", {}),
        "varied": content.get("varied", []),
        "grids": content["grids"],
        "cells": cells,
        "drawn": sum(cell["there"] for cell in cells.values()),
        "page": str(page) if page.is_file() else None,
        "sheets": [str(path) for path in sheet_paths(folder, len(content["grids"])) if path.is_file()],
        "webui": content.get("webui", ""),
        "command": content.get("command", ""),
        "notice": NOTICE if any(cell["numbers"] for cell in cells.values()) else "",
    }


def _cell(folder: Path, id_: str, values: dict[str, Any]) -> dict[str, Any]:
    file = folder / str(values.get("file", ""))
    numbers = dict(values.get("numbers") or {})
    return {
        "file": str(file),
        "there": file.is_file(),
        "base": id_.split("/", 1)[0] == BASE,
        "choosable": bool(values.get("lora_file")),
        **{name: values.get(name) for name in ("lora_file", "te", "unet", "lbw", "x", "checkpoint", "prompt", "negative")},
        **{name: values.get(name) for name in ("seed", "steps", "cfg", "sampler", "clip_skip", "width", "height")},
        "numbers": numbers,
        "numbers_text": numbers_text(numbers),
    }
