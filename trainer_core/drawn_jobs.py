"""Jobs that draw: what `job.json` asks for, told in the job folder's events.

Events: start {total}, progress {step, steps, share, seconds_left, picture}, done {summary, folder, made, kept, …}; or stopped,
after a request or a signal, at the next step. Within a batch, which may take minutes, `share` (0 … 1) says what is done of all
steps. Whole batches stay, and the same job made again goes on.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .endings import stop_signals
from .events import EventLog
from .generate.telling import ToldInJob, drawn_words
from .problems import UserError
from .settings import Settings


def run_reg_job(folder: Path, job: dict[str, Any], events: EventLog) -> None:
    """Regularization pictures: `settings` are the training's, `options` the command's."""
    from .reg.command import done_text, draw_set, result
    from .reg.find import find_set
    from .reg.words import read_options

    with stop_signals() as stop:
        told = ToldInJob(events, stop)
        found = find_set(_settings(folder, job), read_options(job.get("options")))
        said = result(found)
        told.start(len(found.work.make))
        said["made"], said["captions_left"] = draw_set(found, told)
        events.write("done", summary=done_text(said), set=said.pop("kind"), **said)


def run_grid_job(folder: Path, job: dict[str, Any], events: EventLog) -> None:
    """A grid: `options` are the command's; `settings`, where given, are gone by where the run's own are not found."""
    from .grids.command import draw_grid_pictures
    from .grids.find import find_given, find_grid
    from .grids.words import read_options

    with stop_signals() as stop:
        told = ToldInJob(events, stop)
        words = read_options(job.get("options"))
        if words.choose is not None:
            raise UserError("A job draws a grid and chooses nothing: leave choose out.")
        found = find_grid(find_given(words, job.get("settings")))
        missing, pictures = found.missing(), len(set(found.files.values()))
        told.start(missing)
        page, sheets = draw_grid_pictures(found, told)
        events.write(
            "done",
            summary=drawn_words(missing, pictures - missing, page),
            folder=str(found.given.folder),
            page=str(page),
            sheets=[str(one) for one in sheets],
            webui=found.about()["webui"],
            made=missing,
            kept=pictures - missing,
        )


def run_prior_job(folder: Path, job: dict[str, Any], events: EventLog) -> None:
    """What the base draws for the activation tag; without `out` the pictures go into the job's folder."""
    from .prior.command import draw_prior, find_prior, summary
    from .prior.words import read_options

    with stop_signals() as stop:
        told = ToldInJob(events, stop)
        prior = find_prior(_settings(folder, job), read_options(job.get("options")), folder / "prior")
        told.start(len(prior.missing))
        events.write("done", **summary(prior, draw_prior(prior, told)))


def _settings(folder: Path, job: dict[str, Any]) -> Settings:
    given = job.get("settings")
    if not isinstance(given, dict):
        raise UserError(f"{folder} has no settings in its job.json: make the job anew.")
    return Settings.from_dict(given)
