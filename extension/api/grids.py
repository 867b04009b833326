"""Test grids: of which LoRAs, how many pictures, the job that draws them, the grid that was drawn and its pictures."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ...trainer_core.generate.sampler_names import SAMPLERS, SCHEDULES
from ..drawing_pace import seconds_for
from ..errors import MISSING, NOT_NOW, Refused
from ..rights import shown
from ..trained import Trained, all_trained, label_of
from .calls import PREFIX, Answer, Call, Reply, Route
from .general import translated
from .grid_asked import PATIENCE, Asked, asked, check_files, grid_folder, open_project, run_of

_CELL = re.compile(r"[0-9a-f]{20}\.png")
_MOST_OTHERS = 500
_SIZES = (64, 1024)
_SMALL = 128  # pixels; smaller pictures are shown with sharp edges


def get_runs(call: Call) -> Answer:
    """The project's trainings that left LoRAs, newest first, and LoRAs of the host's that may be compared with."""
    project = open_project(call)
    runs = [one for one in all_trained(call.workbench.jobs, project["name"]) if _allowed(call, one)]
    shown = [_shown_run(one) for one in runs]
    return {"runs": shown, "others": list(_others(call)), "samplers": SAMPLERS, "schedules": SCHEDULES}


def _shown_run(run: Trained) -> dict[str, Any]:
    told = run.job.as_dict()
    return {
        "job": run.job.id,
        "name": run.name,
        **{name: told[name] for name in ("state", "created", "ended")},
        "files": [{"name": path.name, **label_of(path)} for path in run.files],
    }


def _allowed(call: Call, run: Trained) -> bool:
    try:
        check_files(call, run)
    except Refused:
        return False
    return True


def _others(call: Call) -> Iterator[dict[str, str]]:
    folder = call.workbench.host.lora_folder()
    if folder is None or call.workbench.rights.hide_folders or not folder.is_dir():
        return
    found = sorted(folder.rglob("*.safetensors"))[:_MOST_OTHERS]
    yield from ({"name": path.relative_to(folder).with_suffix("").as_posix(), "path": str(path)} for path in found)


def post_plan(call: Call) -> Answer:
    """How many pictures the grid has, how many of them are to be drawn, and about how long that takes."""
    call.only("options")
    one = asked(call, open_project(call), call.body.get("options"))
    found = _planned(call, one)
    work = _work(found)
    return {
        "count": found["pictures"],
        "missing": found["to_draw"],
        "size": found["size"],
        "seconds": seconds_for(call.workbench.jobs, found["to_draw"], work, one.base),
    }


def _planned(call: Call, one: Asked) -> dict[str, Any]:
    call.workbench.setup.must_be_ready()
    return call.workbench.plans.ask("grid_plan", options=one.words, settings=one.settings, patience=PATIENCE)


def _work(found: Mapping[str, Any]) -> int:
    width, height = found["size"]
    return int(width) * int(height) * int(found["steps"])


def grid_job(call: Call, project: dict[str, Any] | None) -> tuple[str, dict[str, Any]]:
    """Title and content of a job that draws a grid."""
    if project is None:
        raise Refused("No project is open: make one, or open one.", NOT_NOW)
    one = asked(call, project, call.body.get("options"), "prompts")
    found = _planned(call, one)  # what is wrong is told now, not when its turn comes
    content = {"options": one.words, "settings": one.settings, "asked": one.options, "work": _work(found), "base": one.base}
    return one.trained.name if one.trained else str(project["name"]), content


def get_grid(call: Call) -> Answer:
    """The grid of a run as far as it is drawn; empty where there is none."""
    project = open_project(call)
    asked_run = call.query.get("run", "")
    folder = grid_folder(call, project, run_of(call, project, asked_run) if asked_run else None)
    if not (folder / "grid.json").is_file():
        return {}
    return translated(_shown_grid(read_grid(call, folder)), call)


def read_grid(call: Call, folder: Path) -> dict[str, Any]:
    call.workbench.setup.must_be_ready()
    return call.workbench.plans.ask("grid_read", folder=str(folder))


def _shown_grid(found: Mapping[str, Any]) -> dict[str, Any]:
    """The helper's answer with names of files in place of paths, and with each cell's base."""
    cells: dict[str, dict[str, Any]] = found["cells"]
    bases = sorted((id_ for id_, one in cells.items() if one["base"]), key=len, reverse=True)
    return {
        **{name: found[name] for name in ("title", "axes", "grids")},
        "plot": found["webui"],
        "small": max((int(one["width"]) for one in cells.values()), default=_SMALL) < _SMALL,
        "cells": {
            id_: {
                "file": Path(one["file"]).name,
                "drawn": one["there"],
                "choosable": one["choosable"],
                "base": None if one["base"] else _base_of(id_, bases),
                "numbers": one["numbers"],
            }
            for id_, one in cells.items()
        },
    }


def _base_of(cell: str, bases: list[str]) -> str | None:
    """The base's cell of the same prompt, seed and so on: their parts of the ids are alike."""
    return next((one for one in bases if cell.endswith(one.removeprefix("base"))), None)


def get_cell(call: Call) -> Answer:
    """A cell's picture, or a small copy of it."""
    project = open_project(call)
    asked_run, name = call.query.get("run", ""), call.query.get("file", "")
    if not _CELL.fullmatch(name):
        raise Refused(f"No cell has a picture called {shown(name)}.", MISSING)
    folder = grid_folder(call, project, run_of(call, project, asked_run) if asked_run else None)
    return picture(call, folder / "cells" / name)


def picture(call: Call, path: Path) -> Reply:
    """One of the project's own drawn pictures, whole or as small as the query asks."""
    call.workbench.rights.may_read(str(path), "The picture")
    if path.is_symlink() or not path.is_file():
        raise Refused("The picture is not there; it may not be drawn yet, or have been removed.", MISSING)
    stat = path.stat()
    size = call.number("size", 0, 0, _SIZES[1])
    mark = f"{stat.st_mtime_ns:x}-{stat.st_size:x}-{size}"
    if not size or call.known == mark:
        return Reply(path, "image/png", mark)
    call.workbench.setup.must_be_ready()
    cache = call.workbench.host.data / "cache" / "thumbnails"
    answer = call.workbench.thumbs.ask("thumb", path=str(path), size=max(size, _SIZES[0]), cache=str(cache))
    made = Path(answer["path"])
    return Reply(made, "image/webp" if made.suffix.lower() == ".webp" else "image/png", mark)


ROUTES = (
    Route("GET", f"{PREFIX}/test/runs", get_runs, "the project's trainings that left LoRAs"),
    Route("POST", f"{PREFIX}/test/plan", post_plan, "how many pictures a grid has", body=("options",)),
    Route("GET", f"{PREFIX}/test/grid", get_grid, "a run's grid as far as it is drawn", query=("run",)),
    Route("GET", f"{PREFIX}/test/cell", get_cell, "a cell's picture", query=("run", "file", "size")),
)
