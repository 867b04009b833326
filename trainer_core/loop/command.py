"""`python -m trainer_core loop DIR …`: begins a loop, goes on with it, decides, or says how far it is."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from .. import requests
from ..endings import Stopped, endings_told, stop_signals
from ..events import EventLog, hold_job, is_alive
from ..problems import UserError, WordsError
from . import decisions
from .beginning import begin, other_prompts, prepare_added, require_beginning, require_same_start
from .options import LoopOptions
from .project import NAME, PROMPTS, Project, read_project
from .rounds import Loop
from .status import status, text
from .words import Actions, read_words, training_settings


def main(argv: Sequence[str]) -> int:
    """`loop`; 0 where it is done, waits for decisions or was stopped, 1 where it can't go on, 2 where words are wrong."""
    actions, given, rest = read_words(argv)
    if actions.status or actions.stop or actions.decisions or actions.add:
        if given or rest or actions.start:
            raise WordsError("--status, --stop, --add and decisions go without settings: give those to the loop itself.")
        _small(actions)
        return 0
    with stop_signals() as signals:
        work(actions, given, rest, lambda: signals.asked)
    return 0


def work(
    actions: Actions,
    given: dict[str, Any],
    rest: Sequence[str] | Mapping[str, Any],
    stop: Callable[[], bool],
    events: EventLog | None = None,
) -> None:
    """Begins or goes on, with the folder's lock held, until it is done, waits or is stopped.

    `rest`: the training's settings, as words or as values. `events`: where a job tells what it does; a command tells it in the
    loop's own folder.
    """
    folder = actions.folder
    if not (folder / NAME).is_file():
        require_beginning(actions, _new(actions, given, rest).training)
    lock = hold_job(folder)
    own = events or EventLog(folder)
    try:
        loop = Loop(_project(actions, given, rest), own, lambda: stop() or asked_to_stop(folder), wait=not actions.no_wait)
        if events is not None:
            loop.run()
        else:
            _told(loop, folder, own)
    finally:
        requests.clear(folder)
        if events is None:
            own.close()
        lock.release()


def asked_to_stop(folder: Path) -> bool:
    return requests.STOP in requests.asked(folder)


def _told(loop: Loop, folder: Path, events: EventLog) -> None:
    try:
        with endings_told(folder, events):
            loop.run()
    except Stopped as stop:
        print(stop, flush=True)


def _new(actions: Actions, given: dict[str, Any], rest: Sequence[str] | Mapping[str, Any]) -> Project:
    return Project(actions.folder, LoopOptions().with_given(given), training_settings(rest, {}))


def _project(actions: Actions, given: dict[str, Any], rest: Sequence[str] | Mapping[str, Any]) -> Project:
    """The loop as the words want it: new, or known with what they change for the rounds to come."""
    if not (actions.folder / NAME).is_file():
        new = _new(actions, given, rest)
        return begin(actions, new.options, new.training)
    project = read_project(actions.folder)
    require_same_start(project, actions.start)
    if other_prompts(actions):
        print(f"note: the prompts are those in {actions.folder / PROMPTS}: change them there.", flush=True)
    options = project.options.with_given(given)
    training = training_settings(rest, project.training) if rest else project.training
    if (options, training) != (project.options, project.training):
        project.options, project.training = options, training
        project.save()
    return project


def _small(actions: Actions) -> None:
    """What a command does beside a loop that may be at work: it says, asks, or adds lines to the file of decisions."""
    project = read_project(actions.folder)
    if actions.stop:
        if not is_alive(actions.folder):
            raise UserError(f"No process works in {actions.folder}: there is nothing to stop.")
        requests.ask(actions.folder, requests.STOP)
    lines = [*actions.decisions]
    decisions.require_known(project, lines)
    if actions.add is not None:
        if actions.made_from:
            decisions.require_known(project, [("add", [actions.made_from])])
        file = prepare_added(project, actions.add)
        lines.append(("add", (file, "from", actions.made_from) if actions.made_from else (file,)))
    if lines:
        decisions.write(actions.folder, lines)
        print(
            f"Written into {actions.folder / decisions.FILE}: " + "; ".join(" ".join([what, *names]) for what, names in lines)
        )
    if actions.status:
        told = status(actions.folder)
        print(json.dumps(told, indent=2, ensure_ascii=False) if actions.as_json else text(told))
