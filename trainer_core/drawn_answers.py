"""What the resident helper answers about regularization sets and grids. Draws nothing, imports no torch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from .questions import Request, path_of, settings_of, text_of
from .text_files import decode


def answer(what: str, request: Request) -> dict[str, Any]:
    """The answer to one of ANSWERS; UserError with what is wrong."""
    return ANSWERS[what](request)


def reg_plan(request: Request) -> dict[str, Any]:
    """{"settings", "options"} → the set picture by picture: fresh, missing, stale and why, yours; and what else lies there."""
    from .reg.find import find_set, planned
    from .reg.words import read_options

    return planned(find_set(settings_of(request), read_options(request.get("options"))))


def grid_plan(request: Request) -> dict[str, Any]:
    """{"options", "settings"?} → axes, cells and how many pictures are to be drawn."""
    from .grids.find import find_given, find_grid, planned
    from .grids.words import read_options

    return planned(find_grid(find_given(read_options(request.get("options")), request.get("settings"))))


def grid_read(request: Request) -> dict[str, Any]:
    """{"folder"} → the grid that was drawn there."""
    from .grids.read import read_grid

    return read_grid(path_of(request, "folder"))


def grid_choose(request: Request) -> dict[str, Any]:
    """{"folder", "cell", "settings"?, "write"?, "delete_others"?} → the next run's settings and what the cell says.

    Writes and deletes nothing unless told: `write` true writes NAME-next.toml beside the LoRA (or is a path), `delete_others`
    true deletes the run's other snapshots. `settings` are gone by where the run's own are not found.
    """
    from .grids.choose import delete, write_next
    from .grids.next_run import as_json, next_run

    run = next_run(path_of(request, "folder"), text_of(request, "cell"), known=request.get("settings"))
    others = run.others() if request.get("delete_others") is True else []
    told: dict[str, Any] = {**as_json(run), "path": None, "deleted": []}
    if request.get("write"):
        wanted = run.choice.path.parent / f"{run.chosen.run}-next.toml"
        given = request["write"]
        told["path"] = str(write_next(Path(given).expanduser() if isinstance(given, str) else wanted, run.settings))
    if others:
        delete(others, run.chosen.run)
        told["deleted"], told["others"] = [str(one) for one in others], []
    return told


def grid_suites(request: Request) -> dict[str, Any]:
    """{"project"?, "save": {"name", "text"}?, "remove": name?} → {"suites": [{name, text, prompts, own}], "subject"}."""
    from .grids.suites import FOLDER, SUBJECT, remove_suite, save_suite, suites

    project = str(request.get("project") or "")
    saved, removed = request.get("save"), request.get("remove")
    if isinstance(saved, Mapping):
        save_suite(text_of(saved, "name"), text_of(saved, "text"), project)
    if removed is not None:
        remove_suite(text_of(request, "remove"), project)
    listed = []
    for name, path in sorted(suites(project).items()):
        text = decode(path.read_bytes())[0]
        prompts = sum(bool(line.strip()) and not line.startswith("#") for line in text.splitlines())
        listed.append({"name": name, "text": text, "prompts": prompts, "own": path.parent != FOLDER, "path": str(path)})
    return {"suites": listed, "subject": SUBJECT}


def fault(request: Request) -> dict[str, Any]:
    """{"folder", "cell", "tagger", "pictures"?, "extension"?} → training pictures most like the cell, and tags that stick."""
    from .grids.whose_fault import whose_fault

    pictures = path_of(request, "pictures") if request.get("pictures") else None
    extension = str(request.get("extension") or ".txt")
    return whose_fault(path_of(request, "folder"), text_of(request, "cell"), path_of(request, "tagger"), pictures, extension)


ANSWERS: dict[str, Callable[[Request], dict[str, Any]]] = {
    "reg_plan": reg_plan,
    "grid_plan": grid_plan,
    "grid_read": grid_read,
    "grid_choose": grid_choose,
    "grid_suites": grid_suites,
    "whose_fault": fault,
}
