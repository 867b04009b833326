"""Trainings that would save under one name in one folder: those of the queue are known here, the plan knows files alone."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..trainer_core.output_names import DEFAULT, is_taken
from .asked_settings import AUTO
from .errors import NOT_NOW, Refused
from .job_reader import JobReader

CODE = "lw-same-output"


def problem_of(settings: Mapping[str, Any], jobs: Iterable[JobReader]) -> dict[str, Any] | None:
    """The plan's line for a training that isn't in the queue yet, or None where its name is its own.

    `settings` in it: what mends it. An error is a training that would replace or repeat what another one makes.
    """
    jobs = list(jobs)
    others = _others(settings, jobs)
    if not others:
        return None
    name = str(settings.get("output_name") or DEFAULT)
    other_name = {"output_name": _unused_name(settings, jobs, others)}
    if _goes_on_in_place(settings):
        message = f"A training that waits or runs saves as {name} in the same folder, and this one would go on with its files."
        return _line("error", message, "Wait for its end, take it out of the queue, or give another output_name.", other_name)
    if settings.get("overwrite") or any(_settings(one).get("overwrite") for one in others):
        message = (
            f"A training that waits or runs saves as {name} in the same folder, and with overwrite one replaces the other."
        )
        return _line("error", message, "Give another output_name, or turn overwrite off.", other_name)
    if settings.get("resume") == AUTO:
        message = f"A training that waits or runs saves as {name} in the same folder: this one goes on from its last state."
        return _line("note", message, "Give another output_name for one that begins anew.", other_name)
    own = _next(settings, others)
    message = f"A training that waits or runs saves as {name} in the same folder: this one will be saved as {own}."
    return _line("note", message, "Give another output_name.", other_name)


def require_own_output(settings: Mapping[str, Any], jobs: Iterable[JobReader]) -> None:
    """Refused where the training would replace or repeat what another one makes that waits or runs."""
    found = problem_of(settings, jobs)
    if found and found["severity"] == "error":
        raise Refused(f"{found['message']} {found['fix']}", NOT_NOW)


def waiting_words(reader: JobReader, jobs: Iterable[JobReader], queue: Sequence[str]) -> str:
    """Of a training in the queue: that it will have another name than it asks for, since others come before it; or nothing."""
    settings = _settings(reader)
    if reader.id not in queue or settings.get("overwrite") or settings.get("resume"):
        return ""
    before = queue[: queue.index(reader.id)]
    others = [one for one in _others(settings, jobs) if one.id in before or one.alive]
    name = str(settings.get("output_name") or DEFAULT)
    return f"It will be saved as {_next(settings, others)}: a training before it saves as {name} too." if others else ""


def _line(severity: str, message: str, fix: str, settings: dict[str, Any]) -> dict[str, Any]:
    return {"severity": severity, "code": CODE, "message": message, "fix": fix, "fixable": False, "settings": settings}


def _others(settings: Mapping[str, Any], jobs: Iterable[JobReader]) -> list[JobReader]:
    """The trainings that wait or run and save under the same name in the same folder."""
    own = _place(settings)
    live = (one for one in jobs if one.kind == "train" and (one.alive or one.state == "queued"))
    return [one for one in live if own is not None and _place(_settings(one)) == own]


def _place(settings: Mapping[str, Any]) -> tuple[str, str] | None:
    folder = settings.get("output_dir")
    if not isinstance(folder, str) or not folder:
        return None
    name = str(settings.get("output_name") or DEFAULT)
    return os.path.normcase(os.path.realpath(Path(folder).expanduser())), os.path.normcase(name)


def _settings(reader: JobReader) -> dict[str, Any]:
    settings = reader.job.get("settings")
    return settings if isinstance(settings, dict) else {}


def _goes_on_in_place(settings: Mapping[str, Any]) -> bool:
    """Whether it goes on from a given state in that state's own folder, as the trainer decides."""
    state, folder = settings.get("resume"), settings.get("output_dir")
    if not state or state == AUTO or not folder:
        return False
    home = Path(str(state)).expanduser().absolute().parent
    return os.path.realpath(home) == os.path.realpath(Path(str(folder)).expanduser())


def _next(settings: Mapping[str, Any], others: Sequence[JobReader]) -> str:
    """The name that the training will get after those others: the first one that no file has and none of them takes."""
    folder, wanted = Path(str(settings["output_dir"])).expanduser(), str(settings.get("output_name") or DEFAULT)
    running = {one.output_name for one in others if one.output_name}
    nameless = sum(1 for one in others if not one.output_name)
    name, number = wanted, 1
    while is_taken(folder, name) or name in running or nameless:
        nameless -= not (is_taken(folder, name) or name in running)
        number += 1
        name = f"{wanted}-{number}"
    return name


def _unused_name(settings: Mapping[str, Any], jobs: Sequence[JobReader], others: Sequence[JobReader]) -> str:
    """A name like the one given that no training in the queue has or will get, nor a file in a folder of that name."""
    wanted, given = str(settings.get("output_name") or DEFAULT), Path(str(settings["output_dir"])).expanduser()
    number = int(_next(settings, others).removeprefix(f"{wanted}-"))

    def is_used(name: str) -> bool:  # without an output_dir of its own a run lies in a folder of its name
        folder = given.parent / name if given.name == wanted else given
        return is_taken(folder, name) or bool(_others({"output_dir": str(folder), "output_name": name}, jobs))

    while is_used(f"{wanted}-{number}"):
        number += 1
    return f"{wanted}-{number}"
