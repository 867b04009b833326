"""What the resident helper answers about regularization sets and grids. Draws nothing, imports no torch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ..problems import UserError, WordsError
from ..settings import Settings
from ..text_files import decode

Request = Mapping[str, Any]


def answer(what: str, request: Request) -> dict[str, Any]:
    """The answer to one of ANSWERS; UserError with what is wrong."""
    return ANSWERS[what](request)


def reg_plan(request: Request) -> dict[str, Any]:
    """{"settings", "options"} → the set picture by picture: fresh, missing, stale and why, yours; and what else lies there."""
    from .reg_find import find_set, planned
    from .reg_words import read_options

    return planned(find_set(_settings(request), read_options(request.get("options"))))


def grid_plan(request: Request) -> dict[str, Any]:
    """{"options", "settings"?} → axes, cells and how many pictures are to be drawn."""
    from .grid_find import find_given, find_grid, planned
    from .grid_words import read_options

    return planned(find_grid(find_given(read_options(request.get("options")), request.get("settings"))))


def grid_read(request: Request) -> dict[str, Any]:
    """{"folder"} → the grid that was drawn there."""
    from .grid_read import read_grid

    return read_grid(_path(request, "folder"))


def grid_choose(request: Request) -> dict[str, Any]:
    """{"folder", "cell", "settings"?, "write"?, "delete_others"?} → the next run's settings and what the cell says.

    Writes and deletes nothing unless told: `write` true writes NAME-next.toml beside the LoRA (or is a path), `delete_others`
    true deletes the run's other snapshots. `settings` are gone by where the run's own are not found.
    """
    from .grid_choose import delete, write_next
    from .grid_next import as_json, next_run

    run = next_run(_path(request, "folder"), _text(request, "cell"), known=request.get("settings"))
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
    from .grid_suites import FOLDER, SUBJECT, remove_suite, save_suite, suites

    project = str(request.get("project") or "")
    saved, removed = request.get("save"), request.get("remove")
    if isinstance(saved, Mapping):
        save_suite(_text(saved, "name"), _text(saved, "text"), project)
    if removed is not None:
        remove_suite(_text(request, "remove"), project)
    listed = []
    for name, path in sorted(suites(project).items()):
        text = decode(path.read_bytes())[0]
        prompts = sum(bool(line.strip()) and not line.startswith("#") for line in text.splitlines())
        listed.append({"name": name, "text": text, "prompts": prompts, "own": path.parent != FOLDER, "path": str(path)})
    return {"suites": listed, "subject": SUBJECT}


def fault(request: Request) -> dict[str, Any]:
    """{"folder", "cell", "tagger", "pictures"?, "extension"?} → training pictures most like the cell, and tags that stick."""
    from .whose_fault import whose_fault

    pictures = _path(request, "pictures") if request.get("pictures") else None
    extension = str(request.get("extension") or ".txt")
    return whose_fault(_path(request, "folder"), _text(request, "cell"), _path(request, "tagger"), pictures, extension)


def _settings(request: Request) -> Settings:
    given = request.get("settings")
    if not isinstance(given, dict):
        raise UserError("settings must be a JSON object of names and values.")
    return Settings.from_dict(given)


def _text(request: Request, name: str) -> str:
    value = request.get(name)
    if not isinstance(value, str) or not value.strip():
        raise WordsError(f"{name} is missing.")
    return value


def _path(request: Request, name: str) -> Path:
    return Path(_text(request, name)).expanduser()


ANSWERS: dict[str, Callable[[Request], dict[str, Any]]] = {
    "reg_plan": reg_plan,
    "grid_plan": grid_plan,
    "grid_read": grid_read,
    "grid_choose": grid_choose,
    "grid_suites": grid_suites,
    "whose_fault": fault,
}
