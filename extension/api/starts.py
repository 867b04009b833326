"""What a training may go on from: LoRAs to train further, and saved states to resume."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ...trainer_core.files import read_json
from ..errors import Refused
from ..job_reader import STATE_FILE
from ..lora_files import known_loras
from .calls import PREFIX, Answer, Call, Route
from .grids import open_project

_MOST, _LARGEST = 200, 4 << 20


def get_starts(call: Call) -> Answer:
    """LoRAs by name, and states with how far they are, the newest first; only what the request may read."""
    project = open_project(call)
    folders = dict.fromkeys(_folders(call, project))
    found = [state for folder in folders for state in _states(folder, call)]
    newest = sorted(found, key=lambda one: one["saved"], reverse=True)
    return {"loras": list(known_loras(call.workbench)), "states": newest[:_MOST]}


def _folders(call: Call, project: Mapping[str, Any]) -> Iterator[Path]:
    """Where the project's trainings write."""
    runs = call.workbench.projects.path(project["name"]) / "runs"
    yield from (path for path in runs.glob("*") if path.is_dir())
    for reader in call.workbench.jobs.refresh():
        settings = reader.job.get("settings")
        if reader.kind == "train" and reader.job.get("project") == project["name"] and isinstance(settings, dict):
            folder = Path(str(settings.get("output_dir") or "."))
            if folder.is_absolute():
                yield folder


def _states(folder: Path, call: Call) -> Iterator[dict[str, Any]]:
    for path in folder.glob(f"*-state/{STATE_FILE}"):
        try:
            call.workbench.rights.may_read(str(path.parent), "The state")
            stat = path.stat()
            content = read_json(path) if stat.st_size <= _LARGEST else None
        except (Refused, OSError, ValueError):  # not for this request, or damaged: nothing can go on from it
            continue
        if isinstance(content, dict) and isinstance(content.get("step"), int):
            yield {
                "path": str(path.parent),
                "name": path.parent.name,
                "output_name": str(content.get("output_name") or ""),
                "step": content["step"],
                "epoch": content.get("current_epoch"),
                "saved": stat.st_mtime,
            }


ROUTES = (Route("GET", f"{PREFIX}/train/starts", get_starts, "LoRAs and saved states that a training may go on from"),)
