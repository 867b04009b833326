"""The loop as a job of the queue: it ends where candidates wait, so that others have their turn while a person looks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from .. import requests
from ..endings import stop_signals
from ..events import EventLog
from ..problems import UserError
from .command import work
from .options import LoopOptions
from .project import WAITING, read_project
from .words import EPOCHS, OWN_SETTINGS, Actions

# What a project's training says of many pictures and not of a round: its length, what it draws on the way, and the
# regularization pictures, which keep one picture's character from being learnt.
_NOT_A_ROUNDS = (
    *OWN_SETTINGS, "max_train_steps", "max_train_epochs", "reg_data_dir", "sample_prompts", "sample_every_n_epochs",
    "sample_every_n_steps", "sample_at_first", "save_every_n_steps", "save_every_n_epochs", "save_n_epoch_ratio", "overwrite",
)  # fmt: skip


def run_loop_job(folder: Path, job: dict[str, Any], events: EventLog) -> None:
    """`folder` of the loop, `start` pictures, `settings` of the training, `options`: the command's, `epochs` and `prompts`.

    Events: start, round {number}, progress, candidate {path}, waiting {count}, done {summary}; or stopped.
    """
    actions, given, training = _read(job)
    with stop_signals() as signals:
        work(actions, given, training, lambda: signals.asked or requests.STOP in requests.asked(folder), events)
    project = read_project(actions.folder)
    waiting = len(project.of_round(len(project.rounds), WAITING))
    if waiting:
        events.write(
            "done", summary=f"Round {len(project.rounds)}: {waiting} candidates wait for your decision.", waiting=waiting
        )


def _read(job: Mapping[str, Any]) -> tuple[Actions, dict[str, Any], dict[str, Any]]:
    """UserError where the job isn't one that a page could have made."""
    options, settings, start = job.get("options"), job.get("settings"), job.get("start", [])
    if not isinstance(options, Mapping) or not isinstance(settings, Mapping) or not isinstance(start, list):
        raise UserError("A loop's job needs options, settings and start: make the job anew.")
    if not isinstance(job.get("folder"), str):
        raise UserError("A loop's job needs its folder: make the job anew.")
    names = {one.name for one in fields(LoopOptions)}
    prompts, epochs = options.get("prompts") or [], options.get("epochs") or EPOCHS
    unknown = [name for name in options if name not in names | {"prompts", "epochs"}]
    if unknown:
        raise UserError(f"loop: {unknown[0]} is not an option.")
    actions = Actions(
        folder=Path(job["folder"]), start=tuple(map(Path, start)), prompt=tuple(map(str, prompts)), prompts="", suite=(),
        decisions=(), add=None, made_from="", status=False, stop=False, no_wait=True, as_json=False,
    )  # fmt: skip
    training = {name: value for name, value in settings.items() if name not in _NOT_A_ROUNDS}
    given = {name: value for name, value in options.items() if name in names and value is not None}
    return actions, given, {**training, "max_train_epochs": epochs}
