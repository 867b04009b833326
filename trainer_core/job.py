"""Runs one job: `python -m lora_workbench.trainer_core job DIR`, where DIR/job.json says what is to be done.

The lock is taken before anything heavy is imported, so that whoever started the process soon sees that it lives.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..tagger.shares import share
from . import requests
from .endings import Stopped, endings_told
from .events import JOB, EventLog, Unheard, hold_job, read_events
from .files import read_json
from .problems import UserError, WordsError

if TYPE_CHECKING:
    from .processes import Processes

_JOBS = "jobs"
_ENDS = ("done", "stopped", "error")
HELP = f"""usage: python -m trainer_core job FOLDER

Does once what FOLDER/{JOB} asks for, and tells it in FOLDER/events.jsonl (docs/training.md, "The job's folder").
"""
KINDS = ("train", "tag", "reg", "grid", "prior", "loop", "tool", "pictures", "variants")


def main(argv: Sequence[str]) -> int:
    """`job DIR`; 0 where it is done or was stopped, 1 where it failed."""
    if list(argv) in (["-h"], ["--help"]):
        print(HELP, end="")
        return 0
    if len(argv) != 1:
        raise WordsError("job needs one word: the job's folder, with its job.json.")
    folder = Path(argv[0]).expanduser().absolute()
    if not (folder / JOB).is_file():
        raise UserError(f"There is no job in {folder}: it has no {JOB}.")
    if any(event.get("kind") in _ENDS for event in read_events(folder)):
        raise UserError(f"The job in {folder} has ended already: make a new one.")
    rank, world = share()
    if rank:
        _run_beside(folder)
        return 0
    lock = hold_job(folder)
    events = EventLog(folder)
    try:
        if world > 1:
            _run_together(folder, events)
        else:
            with endings_told(folder, events):
                _run(folder, events)
    except Stopped as stop:
        print(stop, flush=True)
    finally:
        requests.clear(folder)
        events.close()
        lock.release()
    return 0


def _run_together(folder: Path, events: EventLog) -> None:
    """As the first of several processes, which holds the folder and speaks."""
    from .processes import processes

    with processes(_minutes(folder)) as those, those.one_voice(), endings_told(folder, events):
        _run(folder, events, those)


def _run_beside(folder: Path) -> None:
    """As another of several processes: it trains its share, and leaves the job's folder alone."""
    from .processes import processes

    with processes(_minutes(folder)) as those, those.one_voice():
        _run(folder, Unheard(folder), those)


def _minutes(folder: Path) -> int | None:
    """How long processes wait for each other, where the job says it."""
    settings = _read(folder).get("settings")
    asked = settings.get("ddp_timeout") if isinstance(settings, dict) else None
    return asked if isinstance(asked, int) and asked > 0 else None


def _run(folder: Path, events: EventLog, those: Processes | None = None) -> None:
    """those: the processes that do it together; None where it is one."""
    job = _read(folder)
    if folder.parent.name == _JOBS:  # caches and logs of a job in <data>/jobs belong into the same data folder
        os.environ["LORA_WORKBENCH_DATA"] = str(folder.parent.parent)
    kind = job.get("kind")
    if kind == "train":
        _train(folder, job, events, those)
    elif those is not None:
        raise UserError(f"{folder} is a job of the kind {kind}, which one process does: trainings alone are shared.")
    elif kind == "tag":
        from ..tagger.job import run_tag_job

        run_tag_job(folder, job, events, requests)
    elif kind in ("reg", "grid", "prior"):
        from . import drawn_jobs

        {"reg": drawn_jobs.run_reg_job, "grid": drawn_jobs.run_grid_job, "prior": drawn_jobs.run_prior_job}[kind](
            folder, job, events
        )
    elif kind == "loop":
        from .loop.job import run_loop_job

        run_loop_job(folder, job, events)
    elif kind == "tool":
        from .tools.job import run_tool_job

        run_tool_job(folder, job, events)
    elif kind == "pictures":
        from .pictures.job import run_pictures_job

        run_pictures_job(folder, job, events)
    elif kind == "variants":
        from .variants.job import run_variants_job

        run_variants_job(folder, job, events)
    else:
        raise UserError(f"{folder / JOB} asks for a job of the kind {kind!r}: there are {', '.join(KINDS)}.")


def _read(folder: Path) -> dict[str, Any]:
    path = folder / JOB
    try:
        job = read_json(path)
    except (OSError, ValueError) as error:
        raise UserError(f"{path} can't be read ({error}): make the job anew.") from error
    if not isinstance(job, dict):
        raise UserError(f"{path} is not a JSON object: make the job anew.")
    return job


def _train(folder: Path, job: dict[str, Any], events: EventLog, those: Processes | None) -> None:
    """The settings are values and never words of a command line, so that nothing in them can be taken for a flag."""
    from .settings import Settings
    from .train import checked_plan, train_in

    given, publication = job.get("settings"), job.get("publish")
    if not isinstance(given, dict):
        raise UserError(f"{folder / JOB} has no settings: make the job anew.")
    if publication is not None and not (isinstance(publication, dict) and publication.get("folder")):
        raise UserError(f"{folder / JOB}: publish needs a folder.")
    settings = Settings.from_dict({**given, "job_dir": str(folder)})
    if those is None:
        train_in(folder, events, settings, checked_plan(settings), publication)
    else:
        train_in(folder, events, settings, checked_plan(settings), publication if those.is_first else None, those)
